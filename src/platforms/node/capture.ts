import { captureOf, type Wanted } from "../../core/capture.ts"
import type { Capture } from "../../core/contracts.ts"
import { errorFacts } from "../../core/errors.ts"
import type { MaskOptions } from "../../core/mask.ts"
import { captureInvocation } from "../lambda/capture-invocation.ts"
import { watchCalls } from "./capture-calls.ts"
import { readCapture } from "./capture-variables.ts"
import { wrongValue } from "./options.ts"
import { processState } from "./process-state.ts"

/** What is captured; each wins over its variable. Nothing is, unless asked for. */
export interface CaptureOptions extends Wanted {
  /** The event that woke the function, as `antifreeze.event` (`ANTIFREEZE_CAPTURE=event`). */
  readonly event?: boolean
  /** What the handler gave back, as `antifreeze.result` (`ANTIFREEZE_CAPTURE=result`). */
  readonly result?: boolean
  /**
   * The same of outgoing calls: the first 64 kB of bodies as they pass through `node:http`, and on Node 24 through `fetch`; on Node 22,
   * of undici's only the bodies that a request is given as text or bytes. None of `node:http2`.
   */
  readonly calls?: Wanted
  /** Most bytes of each captured value (`ANTIFREEZE_CAPTURE_MAX_BYTES`; default 4,096). */
  readonly maxBytes?: number
  /** More names of secrets, in any letter case and with any separators (`ANTIFREEZE_CAPTURE_MASK`). */
  readonly maskNames?: readonly string[]
  /**
   * Called for each value before it is masked, with the nearest name: gives what is to be shown instead, `undefined` for nothing.
   * A value that it throws for is not shown. It must not change what it is given.
   */
  readonly mask?: (key: string, value: unknown) => unknown
}

const DEFAULT_MAX_BYTES = 4_096

/**
 * Captures events, results, headers and bodies from here on, for all handlers in this process: masked by the names of keys and by
 * the looks of secrets, however they are nested or encoded, and bounded. Options win over the environment; the last call counts.
 * A wrong option is one line of log, and nothing is captured: it may have been meant to mask something.
 *
 * @returns what the middleware of a framework takes: `app.use(tracing({ capture }))`.
 */
export function capture(options: CaptureOptions = {}): Capture {
  const { mask, ...wanted } = check({ ...readCapture(process.env, processState.report), ...options })
  const masking: MaskOptions = {
    maxBytes: wanted.maxBytes ?? DEFAULT_MAX_BYTES,
    names: wanted.maskNames ?? [],
    mask,
    onMistake: (error) => processState.report("capture", `mask(key, value) failed: ${errorFacts(error).kind}. The value is not sent.`),
  }
  const incoming = captureOf(wanted, masking)
  const { calls } = wanted
  const hookCalls = watchCalls(
    calls && { tags: captureOf(calls, masking), requestBody: calls.requestBody === true, responseBody: calls.responseBody === true },
  )
  const invocation = captureInvocation(wanted, incoming, masking)
  processState.capture = (trigger, event) => {
    // The user's own hooks may have come since.
    hookCalls()
    return invocation(trigger, event)
  }
  return incoming
}

function check(options: CaptureOptions): CaptureOptions {
  const { maxBytes = 0, mask, calls } = options
  const lists = { ...pick(options), ...(calls && pick(calls)), maskNames: options.maskNames }
  const wrong = [
    maxBytes >= 0 || wrongValue("maxBytes", maxBytes, "Give a number of bytes."),
    mask === undefined || typeof mask === "function" || wrongValue("mask", mask, "Give a function of a key and a value."),
    ...Object.entries(lists).map(
      ([name, list]) => list === undefined || Array.isArray(list) || wrongValue(name, list, "Give a list of names."),
    ),
  ].filter((each) => each !== true)
  for (const each of wrong) processState.report("config", `${each} Nothing is captured.`)
  return wrong.length > 0 ? {} : options
}

function pick({ requestHeaders, responseHeaders }: Wanted): object {
  return { ...(requestHeaders && { requestHeaders }), ...(responseHeaders && { responseHeaders }) }
}
