import { createHash, createHmac } from "node:crypto"

/** What arrived, before anybody has changed it. */
export interface SignedMessage {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Uint8Array
}

/** AWS Signature Version 4, "Create a signed request": recomputes the signature. Gives what is wrong, or `undefined`. */
export function signatureFault({ method, target, headers, body }: SignedMessage, secret: string): string | undefined {
  const url = new URL(target, "http://host")
  const isPresigned = url.searchParams.has("X-Amz-Signature")
  const authorization = String(headers["authorization"] ?? "")
  const part = (name: string) =>
    isPresigned ? url.searchParams.get(`X-Amz-${name}`) : new RegExp(`${name}=([^, ]+)`).exec(authorization)?.[1]
  const [credential, signedHeaders, signature] = [part("Credential"), part("SignedHeaders"), part("Signature")]
  if (!credential || !signedHeaders || !signature) return "not signed"
  const [, date = "", region = "", service = ""] = credential.split("/")
  const time = String(isPresigned ? url.searchParams.get("X-Amz-Date") : (headers["x-amz-date"] ?? headers["date"]))
  const payload = String(isPresigned ? "UNSIGNED-PAYLOAD" : (headers["x-amz-content-sha256"] ?? sha256(body)))
  if (/^[0-9a-f]{64}$/.test(payload) && payload !== sha256(body)) return "the hash of the body differs"
  const canonical = [
    method,
    // Every service but S3 encodes the path a second time.
    service === "s3" ? url.pathname : url.pathname.split("/").map(encode).join("/"),
    canonicalQuery(url),
    ...signedHeaders.split(";").map((name) => `${name}:${valueOf(headers, name)}`),
    "",
    signedHeaders,
    payload,
  ].join("\n")
  const scope = `${date}/${region}/${service}/aws4_request`
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(Buffer.from(canonical))].join("\n")
  const key = [date, region, service, "aws4_request"].reduce((key: string | Buffer, text) => hmac(key, text), `AWS4${secret}`)
  const expected = hmac(key, toSign).toString("hex")
  return expected === signature ? undefined : `the signature differs; canonical request:\n${canonical}`
}

function canonicalQuery(url: URL): string {
  return [...url.searchParams]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join("&")
}

/** HTTP/2 has `:authority` in place of `host`. */
function valueOf(headers: SignedMessage["headers"], name: string): string {
  const value = headers[name] ?? (name === "host" ? headers[":authority"] : undefined) ?? ""
  return String(value).trim().replace(/ +/g, " ")
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}

function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex")
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest()
}
