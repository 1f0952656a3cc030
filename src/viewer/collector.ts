import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http"
import { createServer as createTlsServer } from "node:https"
import type { AddressInfo } from "node:net"
import { DecodeError, decodeTraces } from "../otlp/decode.ts"
import type { ExportTraceServiceResponse, OtlpStatus, ReceivedSpan } from "../otlp/types.ts"
import { type Body, checkRequest, HttpError, readBody, unpack } from "./_request.ts"
import { printable } from "./_text.ts"
import { type Batch, createStore, type Store } from "./store.ts"

export type { ReceivedSpan } from "../otlp/types.ts"
export type { Body } from "./_request.ts"
export type { Batch } from "./store.ts"

export interface CollectorOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** A loopback address: "127.0.0.1" (default), another 127.x.y.z, "::1" or "localhost". There is no access control. */
  readonly host?: string
  /** How many of the newest spans are kept: 10,000. */
  readonly maxSpans?: number
  /** Longest body, before and after gunzip: 20 MiB, as the OTLP specification recommends. */
  readonly maxBodyBytes?: number
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer }
  /** Called with the spans of every batch that was taken in, before its sender has the answer. */
  readonly onSpans?: (spans: readonly ReceivedSpan[], batch: Batch) => void
  /** Sees every valid request before its body is read. `true`: it answers by itself (how tests play a broken endpoint). */
  readonly onRequest?: (exchange: Exchange) => boolean | Promise<boolean>
  /** Called with what the sender of a refused request is told. Safe to print. */
  readonly onRefusal?: (status: number, message: string) => void
}

/** One request, while it is being answered. */
export interface Exchange {
  /** 1 for the first request. */
  readonly n: number
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Reads the whole body, as sent. */
  read(): Promise<Body>
  /** Reads and keeps the spans, without answering. Once, however often it is called. */
  accept(): Promise<Batch>
}

export interface Collector extends Pick<Store, "spans" | "batches" | "waitForSpans" | "clear"> {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT: without `/v1/traces`. */
  readonly url: string
  readonly port: number
  /** Drops every connection and frees the port. */
  close(): Promise<void>
}

/**
 * Starts an OTLP/HTTP server for traces on this machine (OTLP specification, "OTLP/HTTP"; JSON, plain or gzip) that keeps
 * the newest spans in memory. Rejects with the system's error when the port is taken.
 *
 * @example
 * const collector = await startCollector()
 * // … let the function send to collector.url …
 * const [span] = await collector.waitForSpans(1)
 * await collector.close()
 */
export async function startCollector(options: CollectorOptions = {}): Promise<Collector> {
  const { port = 0, host = "127.0.0.1", maxSpans = 10_000, tls } = options
  if (host !== "localhost" && host !== "::1" && !/^127(\.\d{1,3}){3}$/.test(host)) {
    throw new Error(
      `[antifreeze] the collector listens on this machine only, not on ${JSON.stringify(host)}. Use 127.0.0.1, ::1 or localhost.`,
    )
  }
  const store = createStore(maxSpans)
  const listener = listen(options, store, host)
  const server = tls ? createTlsServer({ key: tls.key, cert: tls.cert }, listener) : createServer(listener)
  const bound = await bind(server, port, host)

  return {
    url: `${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    port: bound,
    spans: store.spans,
    batches: store.batches,
    waitForSpans: store.waitForSpans,
    clear: store.clear,
    close() {
      store.close()
      return new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

function bind(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, host, () => {
      server.off("error", reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function listen(options: CollectorOptions, store: Store, host: string): RequestListener {
  let n = 0
  return async (request, response) => {
    // A client that goes away in the middle is its own affair.
    response.on("error", () => {})
    try {
      checkRequest(request, host)
      const exchange = open(++n, request, response, options, store)
      if (await options.onRequest?.(exchange)) return
      await exchange.accept()
      answer(response, 200, {})
    } catch (error) {
      const [status, message] = refuse(response, error)
      options.onRefusal?.(status, printable(message))
    }
  }
}

function open(n: number, request: IncomingMessage, response: ServerResponse, options: CollectorOptions, store: Store): Exchange {
  const { maxBodyBytes = 20 * 1024 * 1024, onSpans } = options
  let body: Promise<Body> | undefined
  let batch: Promise<Batch> | undefined
  const read = () => (body ??= readBody(request, maxBodyBytes))
  return { n, request, response, read, accept: () => (batch ??= take()) }

  async function take(): Promise<Batch> {
    const { bytes, receivedAtMs } = await read()
    const spans = decodeTraces(await unpack(request, bytes, maxBodyBytes))
    const taken: Batch = { receivedAtMs, spans, bytes: bytes.length, headers: request.headers }
    store.add(taken)
    onSpans?.(spans, taken)
    return taken
  }
}

/** How a collector of ours is told from another one. */
export const SERVER = "antifreeze"

function answer(response: ServerResponse, status: number, body: ExportTraceServiceResponse | OtlpStatus, headers = {}): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, { "content-type": "application/json", server: SERVER, ...headers }).end(JSON.stringify(body))
}

/** google.rpc.Code by HTTP status. */
const CODES: Readonly<Record<number, number>> = { 400: 3, 403: 7, 404: 5, 405: 12, 413: 8, 415: 3, 500: 13 }

function refuse(response: ServerResponse, error: unknown): [status: number, message: string] {
  const status = error instanceof HttpError ? error.status : error instanceof DecodeError ? 400 : 500
  const message = error instanceof Error ? error.message : String(error)
  answer(response, status, { code: CODES[status] ?? 2, message }, error instanceof HttpError ? error.headers : {})
  return [status, message]
}
