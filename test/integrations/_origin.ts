import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http"
import { createServer as createHttp2Server, createSecureServer } from "node:http2"
import { createServer as createHttpsServer } from "node:https"
import type { AddressInfo, Server as NetServer, Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Received {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
}

/** A server on the loopback interface that answers by path, and remembers what it was asked. */
export interface Origin {
  readonly url: string
  readonly port: number
  readonly received: Received[]
  close(): Promise<void>
}

export const BIG = 3_000_000

export async function startHttp(): Promise<Origin> {
  const received: Received[] = []
  const server = createServer(answer(received))
  answerSwitches(server, received)
  return listen(server, "http", received)
}

export async function startHttps(): Promise<Origin> {
  const received: Received[] = []
  return listen(createHttpsServer(certificate(), answer(received)), "https", received)
}

export async function startHttp2(): Promise<Origin> {
  const received: Received[] = []
  return listen(createHttp2Server(answer(received) as never), "http", received)
}

/** HTTP/2 over TLS, and HTTP/1.1 for those who ask for it. */
export async function startHttp2Tls(): Promise<Origin> {
  const received: Received[] = []
  return listen(createSecureServer({ ...certificate(), allowHTTP1: true }, answer(received) as never), "https", received)
}

let made: { key: string; cert: string } | undefined

/** Self-signed, for localhost. */
export function certificate(): { key: string; cert: string } {
  if (made !== undefined) return made
  const folder = mkdtempSync(join(tmpdir(), "antifreeze-cert-"))
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")]
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
  const keyType = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key]
  execFileSync("openssl", ["req", "-x509", "-days", "2", "-out", cert, ...keyType, ...subject], { stdio: "ignore" })
  made = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") }
  rmSync(folder, { recursive: true })
  return made
}

async function listen(server: NetServer, scheme: string, received: Received[]): Promise<Origin> {
  const sockets = new Set<Socket>()
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.once("close", () => sockets.delete(socket)).on("error", () => {}))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `${scheme}://localhost:${port}`,
    port,
    received,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function answer(received: Received[]): RequestListener {
  return (request, response) => {
    received.push({ method: request.method, url: request.url, headers: request.headers, rawHeaders: request.rawHeaders })
    const [, first = "", second = ""] = (request.url ?? "").split(/[/?]/)
    ;(answers[first] ?? answers["ok"])?.(request, response, second)
  }
}

const answers: Record<string, (request: IncomingMessage, response: ServerResponse, argument: string) => void> = {
  ok(request, response) {
    request.resume().once("end", () => {
      // Not chained: in HTTP/2 these return nothing.
      response.setHeader("content-length", 2)
      response.end("ok")
    })
  },
  slow(_request, response, ms) {
    setTimeout(() => response.end("slow"), Number(ms))
  },
  status(_request, response, code) {
    response.writeHead(Number(code))
    response.end()
  },
  redirect(_request, response, times) {
    const next = Number(times) - 1
    response.writeHead(302, { location: next > 0 ? `/redirect/${next}` : "/ok" }).end("moved")
  },
  big(_request, response) {
    response.write("x".repeat(1000))
    setTimeout(() => response.end("y".repeat(BIG)), 5)
  },
  truncated(_request, response) {
    response.writeHead(200, { "content-length": 100 })
    response.write("half")
    setTimeout(() => (response.stream === undefined ? response.socket?.destroy() : response.stream.close(2)), 10)
  },
  /** The connection is lost within the body, whatever the version of HTTP. */
  lost(request, response) {
    response.write("half")
    const { stream } = request as { stream?: { session: { destroy(): void } } }
    setTimeout(() => (stream?.session ?? request.socket).destroy(), 10)
  },
  hang() {},
  reset(_request, response) {
    response.socket?.destroy()
  },
  "early-hints"(_request, response) {
    response.writeEarlyHints({ link: "</style.css>; rel=preload" })
    response.end("hinted")
  },
  "connection-close"(_request, response) {
    response.writeHead(200, { connection: "close" }).end("bye")
  },
  "too-large"(_request, response) {
    response.writeHead(413).end("no")
  },
}

declare module "node:http" {
  interface ServerResponse {
    /** What the compatibility layer of node:http2 has in place of a socket. */
    readonly stream?: { close(code: number): void }
  }
}

/** 101 and CONNECT: after the headers the socket echoes. */
function answerSwitches(server: Server, received: Received[]): void {
  const echo = (head: string) => (request: IncomingMessage, socket: Socket) => {
    received.push({ method: request.method, url: request.url, headers: request.headers, rawHeaders: request.rawHeaders })
    socket.write(head)
    socket.pipe(socket)
  }
  server.on("upgrade", echo("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"))
  server.on("connect", echo("HTTP/1.1 200 Connection Established\r\n\r\n"))
}
