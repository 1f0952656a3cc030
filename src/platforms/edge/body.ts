import { elsewhere } from "./runtime.ts"

/** What is followed of an answer: its body, until it has been sent, was cancelled, or its reader went away. */
export interface Followed {
  /** The answer to give in place of the original. */
  readonly response: Response
  /** Settles when the body has ended; rejects with what cut it off. */
  readonly ended: Promise<void>
}

type Transform = { readonly readable: ReadableStream; readonly writable: WritableStream }

const { IdentityTransformStream, FixedLengthStream } = globalThis as unknown as {
  IdentityTransformStream?: new () => Transform
  FixedLengthStream?: new (length: number | bigint) => Transform
}

/** Where the length of a body is not to be had, only these are taken for streams: wrapping a text would cost its content-length. */
export const STREAMING: RegExp = /^(text\/event-stream|application\/(x-ndjson|jsonl|stream\+json))/i

/**
 * Follows a streamed body to its end, or gives `undefined` for an answer that has to stay as it is: no body, a WebSocket, a
 * body that is in memory, one that the runtime would have to unpack and pack again.
 *
 * In workerd the bytes go through the runtime's own pipe, not through JavaScript; a body of known length keeps its content-length.
 */
export function followBody(response: Response, request: Request): Followed | undefined {
  const { body, headers } = response
  if (body === null) return undefined
  const length = lengthOf(body)
  if (length !== undefined && !headers.has("content-length")) return undefined
  // A HEAD answer is never read: a pipe would wait for its reader for ever.
  if (request.method === "HEAD" || (response as { webSocket?: unknown }).webSocket || body.locked) return undefined
  if (headers.has("content-encoding")) return undefined
  if (IdentityTransformStream === undefined || FixedLengthStream === undefined) return elsewhere.follow?.(response, body)
  if (length === undefined && lengthKey === undefined && !STREAMING.test(headers.get("content-type") ?? "")) return undefined
  const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length)
  return { response: new Response(readable, response), ended: body.pipeTo(writable) }
}

/** workerd shows the length of a body that has one to its inspector only; text and bytes in memory have one, streams have not. */
const lengthKey = Object.getOwnPropertySymbols(ReadableStream.prototype).find((symbol) => symbol.description === "length")

function lengthOf(body: ReadableStream): number | bigint | undefined {
  const length = lengthKey && (body as unknown as Record<symbol, unknown>)[lengthKey]
  return typeof length === "number" || typeof length === "bigint" ? length : undefined
}
