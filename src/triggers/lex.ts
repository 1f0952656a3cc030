import type { LexEvent, LexV2Event } from "aws-lambda"
import { invoking, type Loose, type Recognise } from "./_event.ts"

/** Lex, version 1 and 2: no utterance. */
export const lexTrigger: Recognise = (event, functionName) => {
  const { bot, sessionState, messageVersion } = event as Loose<LexV2Event>
  const { currentIntent } = event as Loose<LexEvent>
  if (typeof bot?.name !== "string" || messageVersion === undefined || (sessionState ?? currentIntent) === undefined) return undefined
  return invoking(
    functionName,
    "other",
    { "aws.lex.bot.name": bot.name, "aws.lex.intent.name": (sessionState?.intent ?? currentIntent)?.name },
    { carrier: {} },
  )
}
