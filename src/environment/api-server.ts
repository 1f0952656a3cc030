import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { header, refuse, sendJson } from "./exchange.ts"
import { type RegisterOptions, registerExtension } from "./extensions-api.ts"
import type { Life, Poll, Refusal } from "./life.ts"
import { postInitError, postInvocation } from "./runtime-api.ts"

export interface ApiServer {
  /** `host:port`, as AWS_LAMBDA_RUNTIME_API has it. */
  readonly address: string
  /** Ends every connection, of a process that is no more. */
  hangUp(): void
  close(): Promise<void>
}

export interface ApiOptions extends RegisterOptions {
  /** The life that requests are for. */
  life(): Life | undefined
}

/** Serves the Runtime API and the Extensions API on 127.0.0.1. */
export async function serveApi(options: ApiOptions): Promise<ApiServer> {
  const server = createServer((request, response) => {
    route(options, request, response).catch((error: unknown) => {
      // A runtime killed in the middle of its request; anything else is ours to see.
      if (!request.destroyed) refuse(response, { status: 500, errorType: "InternalServerError", errorMessage: String(error) })
    })
  })
  // A long poll lasts as long as the environment is frozen.
  server.requestTimeout = server.headersTimeout = server.keepAliveTimeout = server.timeout = 0
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve))
  // An environment that its owner forgot must not keep the owner's process alive.
  server.unref()
  server.on("connection", (socket) => socket.unref())
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    hangUp: () => server.closeAllConnections(),
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

async function route(options: ApiOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const life = options.life()
  if (!life) return refuse(response, { status: 403, errorType: "InvalidStateTransition", errorMessage: "No runtime is running" })
  const path = request.url ?? "/"
  const [, api, scope, ...rest] = path.split("/")
  const name = `${request.method} ${[scope, ...rest].join("/")}`

  if (api === "2018-06-01" && scope === "runtime") {
    if (name === "GET runtime/invocation/next") return life.runtimeNext(poll(response))
    if (name === "POST runtime/init/error") return accept(response, await postInitError(life, request))
    if (request.method === "POST" && rest[0] === "invocation" && rest.length === 3 && (rest[2] === "response" || rest[2] === "error")) {
      return accept(response, await postInvocation(life, decodeURIComponent(rest[1] ?? ""), rest[2], request))
    }
  }
  if (api === "2020-01-01" && scope === "extension") {
    if (name === "POST extension/register") return registerExtension(options, life, request, response)
    const id = header(request, "lambda-extension-identifier")
    const known = ["GET extension/event/next", "POST extension/init/error", "POST extension/exit/error"].indexOf(name)
    if (known >= 0 && !id)
      return refuse(response, {
        status: 403,
        errorType: "Extension.MissingHeader",
        errorMessage: "Missing Lambda-Extension-Identifier header",
      })
    if (known === 0) return settle(response, life.extensionNext(id, poll(response)))
    if (known > 0) {
      request.resume()
      const errorType = header(request, "lambda-extension-function-error-type") || "Extension.Unknown"
      return accept(response, life.extensionError(id, known === 1 ? "init" : "exit", errorType))
    }
  }
  request.resume()
  response.writeHead(404, { "Content-Type": "text/plain" }).end("404 page not found\n")
}

function settle(response: ServerResponse, refusal: Refusal | undefined): void {
  if (refusal) refuse(response, refusal)
}

function accept(response: ServerResponse, refusal: Refusal | undefined): void {
  if (refusal) refuse(response, refusal)
  else sendJson(response, 202, { status: "OK" })
}

function poll(response: ServerResponse): Poll {
  return {
    answer: (headers, body) =>
      response.writeHead(200, { "Content-Type": "application/json", "Content-Length": body.length, ...headers }).end(body),
  }
}
