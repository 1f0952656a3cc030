import type * as Fs from "node:fs"
import { uptimeMs } from "../node/uptime.ts"

/** A TCP connection that can be written and read synchronously, before the event loop has turned once. */
export interface RawConnection {
  /** Sends all of it, or throws. */
  write(text: string): void
  /** What has arrived: `undefined` when nothing has, `null` when the other side is gone. */
  read(): Uint8Array | undefined | null
  /** Gives up the descriptor; from now on `net` owns the handle. */
  release(): unknown
  close(): void
}

const WRITE_BUDGET_MS = 20
const RETRY = new Set(["EAGAIN", "ENOTCONN", "EINPROGRESS"])

/**
 * Connects to a numeric IPv4 address without waiting, or gives `undefined` where this process does not let us.
 *
 * The registration of an extension has to be finished while the user's module is evaluated: the runtime asks for its first
 * event right afterwards, and then registration is closed. CommonJS cannot await, so the request is made on the raw handle
 * that `net` itself is built on; `process.binding` is deprecated (DEP0111) but has it on every Node that we support.
 */
export function connectRaw(host: string, port: number): RawConnection | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(host) || speaksUp()) return undefined
  try {
    return open(host, port)
  } catch {
    // The permission model refuses with ERR_ACCESS_DENIED.
    return undefined
  }
}

/**
 * With pending deprecations on, `process.binding` would write to stderr, and with `--throw-deprecation` end the process
 * past any `catch`: the function must exit and print as it would without us.
 */
function speaksUp(): boolean {
  const { NODE_OPTIONS = "", NODE_PENDING_DEPRECATION = "" } = process.env
  return NODE_PENDING_DEPRECATION === "1" || [...process.execArgv, NODE_OPTIONS].some((flags) => /--pending[-_]deprecation/.test(flags))
}

interface TcpHandle {
  readonly fd: number
  connect(request: object, host: string, port: number): number
  close(): void
}

interface TcpBinding {
  readonly TCP: new (type: number) => TcpHandle
  readonly TCPConnectWrap: new () => { oncomplete: () => void }
  readonly constants: { readonly SOCKET: number }
}

function open(host: string, port: number): RawConnection | undefined {
  const { TCP, TCPConnectWrap, constants } = (process as unknown as { binding(name: string): TcpBinding }).binding("tcp_wrap")
  const handle = new TCP(constants.SOCKET)
  const request = new TCPConnectWrap()
  request.oncomplete = () => {}
  if (handle.connect(request, host, port) !== 0 || !(handle.fd >= 0)) {
    handle.close()
    return undefined
  }
  const fs = process.getBuiltinModule("node:fs")
  const { fd } = handle
  return { write: (text) => writeAll(fs, fd, text), read: () => readSome(fs, fd), release: () => handle, close: () => handle.close() }
}

function writeAll(fs: typeof Fs, fd: number, text: string): void {
  let bytes = Buffer.from(text, "latin1")
  const deadline = uptimeMs() + WRITE_BUDGET_MS
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(fs.writeSync(fd, bytes))
    } catch (error) {
      if (!RETRY.has(codeOf(error)) || uptimeMs() > deadline) throw error
      pause()
    }
  }
}

function readSome(fs: typeof Fs, fd: number): Uint8Array | undefined | null {
  try {
    const bytes = Buffer.allocUnsafe(4096)
    const length = fs.readSync(fd, bytes)
    return length === 0 ? null : bytes.subarray(0, length)
  } catch (error) {
    return RETRY.has(codeOf(error)) ? undefined : null
  }
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code)
}

const PAUSE_MS = 0.1
let pauseCell: Int32Array<SharedArrayBuffer> | undefined

/** Sleeps 0.1 ms without the event loop. */
export function pause(): void {
  pauseCell ??= new Int32Array(new SharedArrayBuffer(4))
  Atomics.wait(pauseCell, 0, 0, PAUSE_MS)
}
