import type { ReceivedSpan, ReceivedValue } from "../otlp/types.ts"
import { duration } from "./_text.ts"

/** What is worth knowing about a span at a glance, the most important first. */
export function facts(span: ReceivedSpan, shown: { readonly service: string; readonly skewUs: number }): string[] {
  const { attributes } = span
  const found = [
    attributes["faas.coldstart"] === true ? "❄ cold start" : "",
    isUnfinished(span) ? "unfinished" : "",
    text(attributes["http.response.status_code"]),
    serviceOf(span) === shown.service ? "" : serviceOf(span),
    target(span),
    span.links.length > 0 ? `⇠ ${span.links.length} ${span.links.length === 1 ? "link" : "links"}` : "",
    Math.abs(shown.skewUs) >= 1000 ? `clock ${shown.skewUs > 0 ? "-" : "+"}${duration(Math.abs(shown.skewUs))}` : "",
  ]
  return found.filter((fact) => fact !== "" && !span.name.includes(fact))
}

/** Whom the span talks to. */
function target({ attributes, kind }: ReceivedSpan): string {
  const destination = text(attributes["messaging.destination.name"]) || text(attributes["db.collection.name"])
  if (destination || kind === "server" || kind === "internal") return destination
  const host = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#]*)/i.exec(text(attributes["url.full"]))?.[1] ?? ""
  return text(attributes["server.address"]) || host
}

export function serviceOf(span: ReceivedSpan): string {
  return text(span.resource["service.name"]) || text(span.resource["faas.name"])
}

export function isUnfinished(span: ReceivedSpan): boolean {
  return span.attributes["antifreeze.unfinished"] === true
}

/** What went wrong, in one line, or `undefined` when nothing did. */
export function failure(span: ReceivedSpan): string | undefined {
  if (span.status.code !== "error") return undefined
  const exception = span.events.findLast((event) => event.name === "exception")?.attributes
  const type = text(span.attributes["error.type"]) || text(exception?.["exception.type"])
  const message = span.status.message || text(exception?.["exception.message"])
  return [type, message].filter((part) => part !== "").join(": ") || "failed"
}

function text(value: ReceivedValue | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : ""
}
