import type { Agent } from "node:http"

let agent: Agent | undefined

/** POSTs as many bytes as one root span takes, over a connection that is kept: the least that any delivery does. */
export function post(body: string): Promise<void> {
  const url = new URL(`${process.env["OTEL_EXPORTER_OTLP_ENDPOINT"]}/v1/traces`)
  const http = process.getBuiltinModule(url.protocol === "https:" ? "node:https" : "node:http")
  agent ??= new http.Agent({ keepAlive: true })
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": body.length }
    const request = http.request(url, { method: "POST", agent, headers })
    request.on("error", reject)
    request.on("response", (response) => response.on("end", resolve).resume())
    request.end(body)
  })
}

const attribute = (index: number) => ({ key: `attribute.number.${index}`, value: { stringValue: "a value of the usual length" } })

/** One span as OTLP/JSON, about 1.3 kB. */
export function oneSpan(): string {
  const id = Math.random().toString(16).slice(2).padEnd(16, "0").slice(0, 16)
  const span = {
    traceId: id + id,
    spanId: id,
    name: "bench",
    kind: 2,
    startTimeUnixNano: `${Date.now()}000000`,
    endTimeUnixNano: `${Date.now()}000000`,
  }
  const attributes = Array.from({ length: 14 }, (_, index) => attribute(index))
  return JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope: { name: "bench" }, spans: [span] }] }] })
}
