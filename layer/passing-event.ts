import type { IncomingMessage, ServerResponse } from "node:http"
import { causesOf } from "../src/core/causes.ts"
import type { Tags, Trigger } from "../src/core/contracts.ts"
import type { Span } from "../src/core/span.ts"
import { triggerOf } from "../src/platforms/lambda/trigger.ts"
import { processState } from "../src/platforms/node/process-state.ts"

export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Lambda's own limit, of an event and of an answer (Lambda quotas, "Invocation payload"). */
const MAX_LENGTH = 6 * 1024 * 1024

/**
 * An event that is no request: the adapter tells of it in the body alone, and the server's answer is the function's result. Both are
 * looked at as they pass, and understood when somebody asks for the root's tags: mostly when the response is out, else for the journal,
 * before the deadline, or in a crash. The root has begun by then, and its calls with it, so that whatever led to it becomes a link.
 *
 * @returns what takes in the answer, before the root ends.
 */
export function watchEvent(root: Span, context: object, { request, response }: Exchange): () => void {
  const { operationName } = root
  let trigger: Trigger | undefined
  const received = watchJson(request, ["push"], () => root.describe(learn))
  const answered = watchJson(response, ["write", "end"])
  return () => root.describe(() => trigger?.tagsOf?.(answered()) ?? {})

  function learn(): Tags {
    const event = received()
    if (event === undefined) return {}
    const found = triggerOf(event, context)
    trigger = processState.capture?.(found, event) ?? found
    // A name that the user has given stays.
    if (root.operationName === operationName) root.operationName = trigger.operationName
    link(root, trigger)
    return { ...trigger.tags, "span.kind": trigger.kind }
  }
}

function link(root: Span, { carrier, causes = [], ...trigger }: Trigger): void {
  const tracer = root.tracer()
  // One cause alone would be a parent; and Lambda's trace header, known from the start, may have told of it already.
  const { links = [] } = causesOf(tracer, { ...trigger, related: [], causes: [{ carrier }, { carrier }, ...causes] })
  const all = [...root.links, ...links.filter(({ spanId }) => spanId !== root.parentSpanId)]
  const kept = all.splice(0, tracer.limits.links)
  root.dropped.links += all.length
  Object.assign(root, { links: kept })
}

/** Gives what has passed through methods of one object, which do what they did; `undefined` where it is no JSON. `onEnd` hears of a null. */
function watchJson(owner: object, names: readonly string[], onEnd?: () => void): () => unknown {
  const decoder = new TextDecoder()
  let text = ""
  const look = (chunk: unknown) => {
    if (chunk === null) onEnd?.()
    else if (text.length > MAX_LENGTH) return
    else if (typeof chunk === "string") text += chunk
    else if (chunk instanceof Uint8Array) text += decoder.decode(chunk, { stream: true })
  }
  for (const name of names) {
    const value = function (this: unknown, ...args: unknown[]): unknown {
      look(args[0])
      // A framework may change the prototype meanwhile.
      return Object.getPrototypeOf(owner)[name].apply(this, args)
    }
    Object.defineProperty(owner, name, { value, configurable: true, writable: true })
  }
  return () => {
    try {
      return JSON.parse(text)
    } catch {
      return undefined
    }
  }
}
