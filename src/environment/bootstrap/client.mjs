// Talks to the Runtime API. Asking for the next event is asynchronous; answers are sent synchronously, as the native client does:
// what a handler has scheduled for after its response must not run before the response is out.
import { connectSync } from "./sync-connection.mjs"

const http = process.getBuiltinModule("node:http")
const base = "/2018-06-01/runtime"
const api = process.env.AWS_LAMBDA_RUNTIME_API ?? ""
const separator = api.lastIndexOf(":")
const hostname = api.slice(0, separator)
const port = Number(api.slice(separator + 1))
const polling = new http.Agent({ keepAlive: true, maxSockets: 1 })
const posting = new http.Agent({ keepAlive: true, maxSockets: 1 })
let connection

/** The next invocation: its event as text and its headers. */
export function next() {
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, path: `${base}/invocation/next`, agent: polling }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (chunk) => {
        text += chunk
      })
      response.on("end", () => resolve({ text, headers: response.headers }))
    })
    request.on("error", reject)
    request.end()
  })
}

/** Connects for `answer` ahead of time, so that the first one is no slower. */
export function openConnection() {
  connection = connectSync(hostname, port)
}

/** Posts `body`, JSON, as the answer to an invocation. `then` runs when it is out: at once, unless this process cannot send synchronously. */
export function answer(id, kind, body, headers, then) {
  const path = `${base}/invocation/${encodeURIComponent(id)}/${kind}`
  const all = { "content-type": "application/json", ...headers }
  if (!connection) openConnection()
  if (connection.post(path, all, body)) return then()
  post(path, all, body, then)
}

export function answerInitError(body, errorType, then) {
  post(`${base}/init/error`, { "Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": errorType }, body, then)
}

/** The request that carries a streamed response. */
export function openStream(id, headers, highWaterMark, onResponse) {
  const net = process.getBuiltinModule("node:net")
  posting.createConnection = (options, onConnect) => net.createConnection({ ...options, highWaterMark }, onConnect)
  return http.request(
    { method: "POST", hostname, port, path: `${base}/invocation/${encodeURIComponent(id)}/response`, headers, agent: posting },
    onResponse,
  )
}

function post(path, headers, body, then) {
  const request = http.request(
    { method: "POST", hostname, port, path, agent: posting, headers: { ...headers, "Content-Length": Buffer.byteLength(body) } },
    (response) => {
      response.resume()
      response.on("end", then)
    },
  )
  request.end(body)
}
