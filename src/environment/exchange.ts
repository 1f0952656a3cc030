import type { IncomingMessage, ServerResponse } from "node:http"
import type { Refusal } from "./life.ts"

export function header(request: IncomingMessage, name: string): string {
  const value = request.headers[name]
  return (Array.isArray(value) ? value[0] : value) ?? ""
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = JSON.stringify(body)
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text), ...headers }).end(text)
}

export function refuse(response: ServerResponse, { status, errorType, errorMessage }: Refusal): void {
  sendJson(response, status, { errorMessage, errorType })
}
