// A blocking HTTP/1.1 client, enough for one peer on the same machine. Node has none, but its raw TCP handle has a file descriptor,
// and fs reads and writes those synchronously. Loopback only: there the kernel completes a connection by itself.
const fs = process.getBuiltinModule("node:fs")
const pause = new Int32Array(new SharedArrayBuffer(4))
const patienceMs = 60_000

/** `post` returns false when this process cannot send that way: no raw handles (--permission), not an IPv4 address. */
export function connectSync(hostname, port) {
  let descriptor
  let handle

  function connect() {
    // There `process.binding` (DEP0111) would end the process, past any catch.
    if (process.throwDeprecation) throw new Error("no raw connection")
    const { TCP, TCPConnectWrap, constants } = process.binding("tcp_wrap")
    handle = new TCP(constants.SOCKET)
    const request = new TCPConnectWrap()
    request.oncomplete = () => {}
    if (handle.connect(request, hostname, port) !== 0 || handle.fd < 0) throw new Error("no raw connection")
    handle.unref()
    descriptor = handle.fd
  }

  function exchange(path, headers, body) {
    const lines = Object.entries({ host: `${hostname}:${port}`, ...headers, "content-length": body.length }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    )
    writeAll(descriptor, Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n`), body]))
    readAnswer(descriptor)
  }

  try {
    connect()
  } catch {
    // `post` tries again, and says so.
  }
  return {
    post(path, headers, text) {
      const body = Buffer.from(text)
      for (let attempt = 0; attempt < 2; attempt++) {
        try {
          if (descriptor === undefined) connect()
          exchange(path, headers, body)
          return true
        } catch {
          // The peer may have closed an idle connection: once more on a new one.
          handle?.close()
          descriptor = handle = undefined
        }
      }
      return false
    },
  }
}

function writeAll(descriptor, bytes) {
  for (let at = 0; at < bytes.length; ) at += patiently(() => fs.writeSync(descriptor, bytes, at))
}

/** The Runtime API answers with a Content-Length; the status does not matter to a runtime. */
function readAnswer(descriptor) {
  const chunk = Buffer.alloc(4096)
  let text = ""
  for (;;) {
    const count = patiently(() => fs.readSync(descriptor, chunk))
    if (count === 0) throw new Error("connection closed")
    text += chunk.latin1Slice(0, count)
    const end = text.indexOf("\r\n\r\n")
    if (end < 0) continue
    const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1] ?? 0
    if (text.length >= end + 4 + Number(length)) return
  }
}

/** The descriptor does not block, and right after connecting it may not be ready: try again every 0.1 ms. */
function patiently(attempt) {
  const startedMs = performance.now()
  for (;;) {
    try {
      return attempt()
    } catch (error) {
      if (error.code !== "EAGAIN" && error.code !== "ENOTCONN") throw error
      if (performance.now() - startedMs > patienceMs) throw error
      Atomics.wait(pause, 0, 0, 0.1)
    }
  }
}
