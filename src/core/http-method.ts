/** OpenTelemetry semantic conventions 1.44, `http.request.method`; other words would make a tag of unbounded values. */
const KNOWN = /^(?:CONNECT|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT|QUERY|TRACE)$/

/** A method as spans tell it: in their name, and in the two tags that make it out. */
export function readMethod(method: string): { readonly name: string; readonly told: string; readonly original: string | undefined } {
  return KNOWN.test(method) ? { name: method, told: method, original: undefined } : { name: "HTTP", told: "_OTHER", original: method }
}
