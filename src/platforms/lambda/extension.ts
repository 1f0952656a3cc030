import type { Socket } from "node:net"
import type { Report } from "../../core/report.ts"
import { uptimeMs } from "../node/uptime.ts"
import { connectRaw, pause, type RawConnection } from "./raw-connection.ts"
import { createReplyReader, type Reply } from "./replies.ts"

/**
 * Our place in the life of the execution environment: Lambda freezes it only once the runtime and every extension have
 * asked for their next event (Extensions API, "Invoke phase"), so whoever has claimed an invocation holds the freeze.
 */
export interface Extension {
  /** Holds the freeze of this invocation until `release`. False when that is not possible: then deliver before the response. */
  claim(requestId: string): boolean
  release(requestId: string): void
  /** Waits, without the event loop, until Lambda has answered the registration, at most `waitMs`. */
  registered(): void
}

export interface ExtensionOptions {
  /** `AWS_LAMBDA_RUNTIME_API`: host and port. */
  readonly api: string
  /** Must differ from the name of every other extension in the environment. */
  readonly name: string
  /** Longest time that registration may block the start; it goes on in the background. Default: 40 ms. */
  readonly waitMs?: number
  /** An INVOKE that nobody claims within this time is none of ours. Default: 50 ms. */
  readonly unclaimedMs?: number
  readonly report: Report
}

const VERSION = "2020-01-01"
const POLL_MS = 25
const MAX_RECONNECTS = 3

/**
 * Registers an internal extension for INVOKE events and asks for the first one. Call `registered` before the module ends.
 *
 * 1. The request to register and its reply go over a raw connection, synchronously (see `connectRaw`). Where that is
 *    refused, the same bytes go over `net` and arrive when they arrive: until then nothing can be claimed.
 * 2. The request for the first event is written at once: Lambda does not end Init without it.
 * 3. Nobody reads the connection until the first response is out, except a poll that costs a system call every 25 ms; it
 *    answers an INVOKE that nobody claims, as when the traced function is not the handler.
 * 4. The first release hands the connection to `net`, which the delivery needs anyway.
 */
export function startExtension(options: ExtensionOptions): Extension {
  const { api, name, waitMs = 40, unclaimedMs = 50, report } = options
  const { host, port } = splitAddress(api)
  const claimed = new Set<string>()
  /** Released before their INVOKE was read. */
  const settled = new Set<string>()
  let phase: "registering" | "waiting" | "invoked" | "closed" = "registering"
  let identifier = ""
  let current: string | undefined
  let tooLate: string | undefined
  let raw = connectRaw(host, port)
  let socket: Socket | undefined
  let reconnects = 0
  let replies = createReplyReader(onReply)

  const poll = setInterval(pump, POLL_MS)
  poll.unref()
  const startMs = uptimeMs()
  register()
  return {
    claim(requestId) {
      pump()
      if (phase === "registering" || phase === "closed" || requestId === tooLate) return false
      claimed.add(requestId)
      return true
    },
    release(requestId) {
      if (!claimed.delete(requestId)) return
      if (raw !== undefined) adopt(raw)
      if (current === requestId) askNext()
      else settled.add(requestId)
    },
    registered() {
      while (raw !== undefined && phase === "registering" && uptimeMs() < startMs + waitMs) {
        pump()
        if (phase === "registering") pause()
      }
    },
  }

  function register(): void {
    const body = '{"events":["INVOKE"]}'
    send(
      `POST /${VERSION}/extension/register HTTP/1.1\r\nHost: ${api}\r\nLambda-Extension-Name: ${name}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
  }

  function askNext(): void {
    phase = "waiting"
    current = undefined
    send(`GET /${VERSION}/extension/event/next HTTP/1.1\r\nHost: ${api}\r\nLambda-Extension-Identifier: ${identifier}\r\n\r\n`)
  }

  function send(text: string): void {
    if (raw === undefined) {
      socket ??= openSocket()
      socket.write(text)
      return
    }
    try {
      raw.write(text)
    } catch (error) {
      lost(String(error))
    }
  }

  /** Reads what has arrived on the raw connection, without waiting. */
  function pump(): void {
    for (let bytes = raw?.read(); bytes !== undefined; bytes = raw?.read()) {
      if (bytes === null) return lost("the connection was closed")
      onBytes(bytes)
    }
  }

  function onBytes(bytes: Uint8Array): void {
    if (!replies.feed(bytes)) close("the Extensions API answered with something that is not HTTP")
  }

  function onReply({ status, headers, body }: Reply): void {
    if (phase === "registering") {
      identifier = headers.get("lambda-extension-identifier") ?? ""
      // Refused: too late, an emulator, Managed Instances. Nothing is wrong; spans are delivered before the response.
      if (status !== 200 || !/^[\w-]+$/.test(identifier)) return close()
      return askNext()
    }
    if (status !== 200) return close(`the Extensions API answered ${status} to event/next`)
    reconnects = 0
    onInvoke(requestIdOf(body))
  }

  function onInvoke(requestId: string | undefined): void {
    if (requestId === undefined || settled.delete(requestId)) return askNext()
    phase = "invoked"
    current = requestId
    if (claimed.has(requestId)) return
    setTimeout(() => {
      if (current !== requestId || claimed.has(requestId)) return
      tooLate = requestId
      askNext()
    }, unclaimedMs).unref()
  }

  function adopt(connection: RawConnection): void {
    clearInterval(poll)
    raw = undefined
    const { Socket } = process.getBuiltinModule("node:net")
    listen(new Socket({ handle: connection.release() } as object))
  }

  function openSocket(): Socket {
    replies = createReplyReader(onReply)
    return listen(process.getBuiltinModule("node:net").connect({ host, port }))
  }

  /** The socket never keeps the process alive: a handler may be waiting for an empty event loop. */
  function listen(opened: Socket): Socket {
    socket = opened
    opened.unref()
    opened.on("data", onBytes)
    opened.on("error", () => {})
    opened.on("close", () => {
      if (opened === socket) lost("the connection was closed")
    })
    opened.resume()
    return opened
  }

  /** A broken connection while we wait is made anew and asked again; otherwise the next request makes it. */
  function lost(why: string): void {
    raw?.close()
    raw = undefined
    socket = undefined
    if (phase === "registering" || reconnects++ >= MAX_RECONNECTS) return close(phase === "registering" ? undefined : why)
    if (phase === "waiting") askNext()
  }

  function close(trouble?: string): void {
    phase = "closed"
    clearInterval(poll)
    raw?.close()
    raw = undefined
    const open = socket
    socket = undefined
    open?.destroy()
    if (trouble !== undefined) report("extension", `${trouble}. From now on spans are delivered before the response.`)
  }
}

function splitAddress(api: string): { host: string; port: number } {
  const colon = api.lastIndexOf(":")
  return colon < 0 ? { host: api, port: 80 } : { host: api.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(api.slice(colon + 1)) }
}

/** The id of an INVOKE event (Extensions API, "Next"); `undefined` for any other event. */
function requestIdOf(body: string): string | undefined {
  try {
    const event = JSON.parse(body) as { eventType?: unknown; requestId?: unknown }
    return event.eventType === "INVOKE" && typeof event.requestId === "string" ? event.requestId : undefined
  } catch {
    return undefined
  }
}
