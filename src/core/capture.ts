import type { Capture, Message, Tags } from "./contracts.ts"
import { type MaskOptions, maskedText } from "./mask.ts"

/** What of a request and its response is wanted, by the side of the one that asks. */
export interface Wanted {
  /** Names of headers, in any letter case. */
  readonly requestHeaders?: readonly string[]
  readonly responseHeaders?: readonly string[]
  readonly requestBody?: boolean
  readonly responseBody?: boolean
}

/** Tags of what is wanted, masked and bounded. Never throws. */
export function captureOf(wanted: Wanted, masking: MaskOptions): Capture {
  const tagsOf = (side: "request" | "response", names: readonly string[] = [], wantsBody: boolean | undefined) => {
    const lower = names.map((name) => name.toLowerCase())
    return (message: Message): Tags => {
      const tags: Record<string, unknown> = {}
      for (const name of lower) {
        const values = headerValues(name, read(message, name), masking)
        if (values.length > 0) tags[`http.${side}.header.${name}`] = values
      }
      if (wantsBody) tags[`http.${side}.body.content`] = bodyText(message, masking)
      return tags
    }
  }
  return {
    requestTags: tagsOf("request", wanted.requestHeaders, wanted.requestBody),
    responseTags: tagsOf("response", wanted.responseHeaders, wanted.responseBody),
    wantsResponseBody: wanted.responseBody === true,
  }
}

function read({ header }: Message, name: string): unknown {
  try {
    return header(name)
  } catch {
    return undefined
  }
}

/** OpenTelemetry semantic conventions 1.44, `http.request.header.<key>`: a list, also of one. */
function headerValues(name: string, value: unknown, masking: MaskOptions): string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  const texts = values.slice(0, 50).map((each) => {
    return each === undefined || each === null ? undefined : maskedText(name, typeof each === "object" ? each : String(each), masking)
  })
  return texts.filter((text) => text !== undefined)
}

function bodyText({ body }: Message, masking: MaskOptions): string | undefined {
  try {
    const value = body?.()
    const isNone = value === undefined || value === null || value === "" || (value instanceof Uint8Array && value.length === 0)
    const text = isNone ? undefined : maskedText("body", value, masking)
    return text === '"[stream]"' || text === '"[promise]"' ? undefined : text
  } catch {
    return undefined
  }
}
