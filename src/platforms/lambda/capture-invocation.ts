import type { Capture, Message, Tags, Trigger } from "../../core/contracts.ts"
import { type MaskOptions, maskedText } from "../../core/mask.ts"

type Fields = Readonly<Record<string, unknown>>

/** The trigger of an invocation with what is captured of its event, now, and of its result, when there is one. Never throws. */
export function captureInvocation(
  wanted: { readonly event?: boolean; readonly result?: boolean },
  http: Capture,
  masking: MaskOptions,
): (trigger: Trigger, event: unknown) => Trigger {
  return (trigger, event) => {
    // A message on a WebSocket is no request, and has no method.
    const isHttp = trigger.tags["http.request.method"] !== undefined
    const asked = readable(() => ({
      ...(wanted.event && { "antifreeze.event": maskedText("event", event, masking) }),
      ...(isHttp && http.requestTags(messageOf(event))),
    }))
    const answered = (result: unknown) => ({
      ...(wanted.result && { "antifreeze.result": maskedText("result", result, masking) }),
      ...(isHttp && http.responseTags(messageOf(result))),
    })
    return {
      ...trigger,
      tags: { ...trigger.tags, ...asked },
      tagsOf: (result) => ({ ...readable(() => answered(result)), ...trigger.tagsOf?.(result) }),
    }
  }
}

/** A getter or a proxy may throw where the headers of a message are looked for. */
function readable(read: () => Tags): Tags {
  try {
    return read()
  } catch {
    return {}
  }
}

/** Both sides of API Gateway, function URLs and load balancers: headers, those of several values apart, and a body, base64 where it is no text. */
function messageOf(from: unknown): Message {
  const { headers, multiValueHeaders, cookies, body, isBase64Encoded } = fieldsOf(from)
  return {
    header(name) {
      if (name === "set-cookie" && Array.isArray(cookies)) return cookies
      return valueOf(multiValueHeaders, name) ?? valueOf(headers, name)
    },
    body: () => (isBase64Encoded === true && typeof body === "string" ? Buffer.from(body, "base64") : body),
  }
}

function fieldsOf(value: unknown): Fields {
  return value !== null && typeof value === "object" ? (value as Fields) : {}
}

function valueOf(headers: unknown, wanted: string): unknown {
  const fields = fieldsOf(headers)
  const name = Object.keys(fields).find((each) => each.toLowerCase() === wanted)
  return name === undefined ? undefined : fields[name]
}
