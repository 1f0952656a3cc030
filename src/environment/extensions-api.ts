import type { IncomingMessage, ServerResponse } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import { header, refuse, sendJson } from "./exchange.ts"
import { accountId, functionVersion } from "./function-env.ts"
import type { Life } from "./life.ts"

export interface RegisterOptions {
  functionName: string
  handler: string
  fault: "on" | "refuse" | "slow" | "garbled"
  delayMs: number
}

/** `/extension/register`. Every extension is taken for an internal one: there is no /opt/extensions here. */
export async function registerExtension(
  options: RegisterOptions,
  life: Life,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let text = ""
  for await (const chunk of request.setEncoding("utf8")) text += chunk as string
  if (options.fault === "slow") await sleep(options.delayMs)
  if (options.fault === "refuse")
    return refuse(response, {
      status: 403,
      errorType: "Extension.RegistrationClosed",
      errorMessage: "Extension registration closed already",
    })
  if (options.fault === "garbled") return void request.socket.end("\x16\x03\x01 this is not HTTP \r\n\r\n\x00\xff")

  const name = header(request, "lambda-extension-name")
  if (!name) return refuse(response, { status: 403, errorType: "Extension.InvalidExtensionName", errorMessage: "Empty extension name" })
  const events = eventsOf(text)
  if (!events)
    return refuse(response, { status: 403, errorType: "InvalidRequestFormat", errorMessage: 'The body has to be {"events": [...]}' })
  const id = life.register(name, events)
  if (typeof id !== "string") return refuse(response, id)
  const { functionName, handler } = options
  const account = header(request, "lambda-extension-accept-feature")
    .split(",")
    .some((feature) => feature.trim() === "accountId")
  sendJson(
    response,
    200,
    { functionName, functionVersion, handler, ...(account ? { accountId } : {}) },
    { "Lambda-Extension-Identifier": id },
  )
}

function eventsOf(text: string): string[] | undefined {
  try {
    const { events = [] } = JSON.parse(text) as { events?: unknown }
    return Array.isArray(events) && events.every((event) => typeof event === "string") ? events : undefined
  } catch {
    return undefined
  }
}
