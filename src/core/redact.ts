/** What stands in the place of a secret. The conventions' own word (`url.query`). */
const REDACTED = "REDACTED"

/** OpenTelemetry semantic conventions 1.44, `url.query`, with the names that AWS, Azure and Google give to the same secrets. */
const SECRET_PARAMETER =
  /([?&](?:sig|signature|AWSAccessKeyId|X-Goog-(?:Signature|Credential)|X-Amz-(?:Signature|Credential|Security-Token))=)[^&#]*/gi

/** Names under which secrets are kept, wherever they stand: headers, keys of objects, message attributes. */
const SECRET_NAME =
  /auth|cookie|passw|passphrase|pwd|secret|token|credential|signature|session|private|api[-_]?key|access[-_]?key|^pin$|^ssn$|cvv|card[-_]?number/i

/** A path with its query, or a whole URL, without the values that give access. */
export function redactUrl(url: string): string {
  const clean = url.includes("@") ? url.replace(/^(\w+:\/\/)[^/?#]*@/, (_, scheme: string) => `${scheme}${REDACTED}@`) : url
  return clean.includes("?") ? clean.replace(SECRET_PARAMETER, `$1${REDACTED}`) : clean
}

/** A query string that stands alone, with its question mark or without. */
export function redactQuery(query: string): string {
  return query.startsWith("?") ? redactUrl(query) : redactUrl(`?${query}`).slice(1)
}

/** `user:password@` of an authority, as the conventions write it (`url.full`). */
export function redactCredentials(authority: string): string {
  const at = authority.lastIndexOf("@")
  if (at < 0) return authority
  return `${authority.slice(0, at).includes(":") ? `${REDACTED}:` : ""}${REDACTED}${authority.slice(at)}`
}

/** Whether what goes by this name should not be seen. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

/** Headers as they may be shown. */
export function redactHeaders(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, isSecretName(name) ? REDACTED : value]))
}

/** A copy that can be shown, of any value: secrets by name replaced, four levels and fifty entries of each at most. */
export function redactValue(value: unknown, levels = 4): unknown {
  if (value === null || typeof value !== "object") return value
  if (levels === 0) return Array.isArray(value) ? "[array]" : "[object]"
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => redactValue(item, levels - 1))
  const pairs = Object.entries(value).slice(0, 50)
  return Object.fromEntries(pairs.map(([key, inner]) => [key, isSecretName(key) ? REDACTED : redactValue(inner, levels - 1)]))
}
