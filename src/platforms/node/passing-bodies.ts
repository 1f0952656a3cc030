import type { ClientRequest, IncomingMessage } from "node:http"
import { guard, ignore, subscribe, undoAll } from "../../integrations/_channel.ts"
import { tap } from "../../integrations/_tap.ts"

/** What is kept of a body: the mask looks at no more of one text (`core/mask`). One byte over says that there was more. */
const MAX_BYTES = 64 * 1024 + 1
const MAX_DECODED_BYTES = 256 * 1024

type Side = "request" | "response"

/** The beginning of a body, copied as it passes: nobody's stream is read, paused or started. */
class Passing {
  readonly #chunks: Uint8Array[] = []
  #left = MAX_BYTES

  add(chunk: unknown, encoding: unknown): void {
    if (this.#left <= 0 || (typeof chunk !== "string" && !(chunk instanceof Uint8Array))) return
    // No encoding has more than two characters for a byte: of a huge text no more is looked at.
    const text = typeof chunk === "string" ? chunk.slice(0, 2 * this.#left) : undefined
    const bytes =
      text === undefined ? (chunk as Uint8Array) : Buffer.from(text, typeof encoding === "string" ? (encoding as BufferEncoding) : "utf8")
    // A copy: the owner of a buffer may use it again.
    const kept = Buffer.from(bytes.subarray(0, this.#left))
    this.#left -= kept.length
    this.#chunks.push(kept)
  }

  /**
   * As it was before it was compressed. Of a long one the text that has been kept.
   *
   * @throws where it cannot be decompressed, is larger than 256 kB then, or is long and no text.
   */
  read(contentEncoding: unknown): Uint8Array | string {
    const bytes = decompressed(Buffer.concat(this.#chunks), contentEncoding)
    // Its last character may have been cut through.
    return this.#left > 0 ? bytes : new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true })
  }
}

function decompressed(bytes: Uint8Array, contentEncoding: unknown): Uint8Array {
  const coding = String(contentEncoding ?? "identity")
    .trim()
    .toLowerCase()
  if (coding === "identity" || bytes.length === 0) return bytes
  const { constants, brotliDecompressSync, gunzipSync, inflateSync } = process.getBuiltinModule("node:zlib")
  const zlib = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_DECODED_BYTES }
  if (coding === "gzip" || coding === "x-gzip") return gunzipSync(bytes, zlib)
  if (coding === "deflate") return inflateSync(bytes, zlib)
  if (coding === "br") return brotliDecompressSync(bytes, { maxOutputLength: MAX_DECODED_BYTES })
  throw new Error(`The coding ${coding} is not known.`)
}

/** The bodies of outgoing calls: those of `node:http` both ways, and of `fetch` where undici publishes their parts: Node 24's does. */
export class PassingBodies {
  readonly #wanted: Readonly<Partial<Record<Side, boolean>>>
  readonly #passing = new WeakMap<object, Partial<Record<Side, Passing>>>()
  readonly #undo: () => void

  constructor(wanted: Readonly<Partial<Record<Side, boolean>>>) {
    this.#wanted = wanted
    const passing = (channel: string, side: Side) =>
      subscribe<Chunk>(channel, ({ request, chunk }) => this.#of(request, side)?.add(chunk, undefined), ignore)
    const undos = wanted.request ? [passing("undici:request:bodyChunkSent", "request")] : []
    if (wanted.response) {
      undos.push(
        passing("undici:request:bodyChunkReceived", "response"),
        subscribe<{ request: ClientRequest; response: IncomingMessage }>(
          "http.client.response.finish",
          ({ request, response }) => watchMethod(response, "push", this.#of(request, "response")),
          ignore,
        ),
      )
    }
    this.#undo = undoAll(undos)
  }

  /** From here on, of this call. */
  begin(call: object): void {
    const { request, response } = this.#wanted
    const passing = { ...(request && { request: new Passing() }), ...(response && { response: new Passing() }) }
    this.#passing.set(call, passing)
    if (!("getHeader" in call)) return
    for (const name of ["write", "end"]) watchMethod(call, name, passing.request)
  }

  /** What has passed, or nothing where none of it could be seen. */
  read(call: object, side: Side, contentEncoding: unknown): Uint8Array | string | undefined {
    return this.#of(call, side)?.read(contentEncoding)
  }

  stop(): void {
    this.#undo()
  }

  #of(call: object, side: Side): Passing | undefined {
    return this.#passing.get(call)?.[side]
  }
}

interface Chunk {
  readonly request: object
  readonly chunk: unknown
}

/** The body is the program's business, whatever it is. */
function watchMethod(owner: object, name: string, passing: Passing | undefined): void {
  if (passing !== undefined)
    tap(
      owner,
      name,
      guard((chunk, encoding) => passing.add(chunk, encoding), ignore),
    )
}
