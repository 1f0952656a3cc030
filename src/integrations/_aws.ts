import type { End, Operation, Tags } from "../core/contracts.ts"
import type { SignedRequest } from "./_aws-call.ts"

export interface AwsSettings {
  /** Write `X-Amzn-Trace-Id`, the one header that AWS's services pass on. */
  sendsTraceHeader: boolean
  /** Tag keys of objects, and what they are copied from. They can hold personal data. */
  showsObjectKeys: boolean
}

/** What the platform was asked for. */
export const awsSettings: AwsSettings = { sendsTraceHeader: true, showsObjectKeys: false }

/** How the requests of one HTTP client are read, and what may still be done to them when they are announced. */
export interface AwsClient<Call extends object> {
  read(call: Call): SignedRequest
  setTraceHeader(call: Call, value: string): void
  /** Shows the first chunk of the body, where `look` is given. */
  lookAtRequest(call: Call, look: Look | undefined): void
  /** Called when the headers of the answer are here: shows every chunk of its body. */
  lookAtResponse?(call: Call, look: Look): void
}

/** Who looks at a body. May throw. */
export type Look = (chunk: unknown) => void

/** An operation that is under way, across its attempts. */
export interface AwsOperation {
  readonly operation: AnyOperation
  /** Ends it. Not there while the SDK's own promise is followed, which knows better whether there is another attempt. */
  end: End<unknown> | undefined
  /** Begun, and the number of the last that has ended. */
  attempts: number
  ended: number
  /** How the last attempt ended. */
  last?: Tags
  timer?: ReturnType<typeof setTimeout>
}

/**
 * By `amz-sdk-invocation-id`, which all attempts of an operation share. On the global object, for a client may be traced
 * by one copy of this package and its requests be watched by another.
 */
const KEY = Symbol.for("antifreeze.aws-operations.v1")
export const awsOperations: Map<string, AwsOperation> = ((globalThis as { [KEY]?: Map<string, AwsOperation> })[KEY] ??= new Map())

const MAX_OPERATIONS = 512

// biome-ignore lint/suspicious/noExplicitAny: the same operation serves clients with results of different kinds; none is ever given.
export type AnyOperation = Operation<any>

/** Bounded, because a request that never ends is never forgotten. */
export function remember(invocationId: string, operation: AwsOperation): void {
  if (awsOperations.size >= MAX_OPERATIONS) {
    for (const oldest of awsOperations.keys()) {
      awsOperations.delete(oldest)
      break
    }
  }
  awsOperations.set(invocationId, operation)
}
