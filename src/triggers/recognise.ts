import type { Trigger } from "../core/contracts.ts"
import { recogniseOther } from "./_others.ts"
import { httpTrigger } from "./http.ts"

/**
 * What woke the function, by the looks of the event; `undefined` for an event of the user's own. Never throws.
 * Requests come first: somebody waits for their answer, and what reads all the other events need not be loaded for them.
 */
export function recognise(event: unknown, functionName: string): Trigger | undefined {
  if (event === null || typeof event !== "object") return undefined
  const object = event as Readonly<Record<string, unknown>>
  try {
    if (isEmpty(event)) return undefined
    return httpTrigger(object, functionName) ?? recogniseOther(object, functionName)
  } catch {
    // It only looked like one.
    return undefined
  }
}

/** As test events and schedules of the user's own often are. */
function isEmpty(event: object): boolean {
  for (const _ in event) return false
  return true
}
