/** Payloads with a secret in them: by its name, in an object, then encoded into one another, then perhaps cut off. */

/** A canary that no encoding of ours changes, so that any part of it can be looked for. */
export interface Payload {
  readonly value: unknown
  readonly canary: string
}

type Random = (below: number) => number

const NAMES = [
  "password", "PASSWORD", "user_password", "x-api-key", "apiKey", "API Key", "api.key", "Authorization", "authToken", "access-token", "client_secret", "clientSecret",
  "Set-Cookie", "cookie", "sessionId", "privateKey", "AWS_SECRET_ACCESS_KEY", "X-Amz-Security-Token", "passphrase", "cvv", "card_number", "ＰＡＳＳＷＯＲＤ",
] // biome-ignore format: one list.
const PLAIN = ["id", "name2", "items", "note", "author", "keyboard", "data", "é", "", "__proto__", "constructor", "toJSON"]

export function payloadFrom(random: Random): Payload {
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T
  let canary = "CANARY"
  while (canary.length < 22) canary += pick([..."ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"])
  // What makes it hard to say where the value ends.
  const secret = pick([
    canary,
    `${canary}"${canary}`,
    `${canary}\\`,
    `${canary} ${canary}`,
    `${canary}\\"${canary}`,
    `\n${canary}`,
    `${canary}}`,
  ])
  const quiet = (): unknown =>
    pick<unknown>(["a text", 7, true, null, [1, 2], "a=b&c=d", "50%", '{"a":1}', "x".repeat(random(40)), "\\", '"'])

  let value: unknown = named(secret)
  for (let level = random(7); level > 0; level--) value = pick([encoded, encoded, wrapped])(value)
  if (random(3) === 0 && typeof value === "string") value = value.slice(0, random(value.length + 1))
  return { value, canary }

  function named(text: string): unknown {
    const name = pick(NAMES)
    const single = text.replace(/\s/g, "")
    const ascii = name.startsWith("ＰＡ") ? "password" : name
    const word = ascii.replace(/[^\w-]/g, "_")
    switch (random(9)) {
      case 0:
        return `${word}=${single.replace(/[&"\\]/g, "")}`
      case 1:
        return `a=1&${encodeURIComponent(name)}=${encodeURIComponent(text)}&b=2`
      case 2:
        return `<a><${word} b="c">${text.replace(/["\\]/g, "")}</${word}><d>e</d></a>`
      case 3:
        return `--x\r\nContent-Disposition: form-data; name="${word}"\r\n\r\n${text.replace(/["\\]/g, "")}\r\n--x--`
      case 4:
        return `${word}: ${text.replace(/[\s"\\]/g, "")}\r\nHost: h`
      case 5:
        return { name, value: text, [pick(PLAIN)]: quiet() }
      case 6:
        return { headers: ["Host", "h", word, text] }
      default:
        return shuffled({ [name]: pick<unknown>([text, [text], { inner: text }]) })
    }
  }

  function shuffled(entries: object): object {
    const all = Object.entries(entries)
    for (let more = random(4); more > 0; more--) all.splice(random(all.length + 1), 0, [pick(PLAIN), quiet()])
    return Object.fromEntries(all)
  }

  function encoded(inner: unknown): unknown {
    const text = typeof inner === "string" ? inner : JSON.stringify(inner, null, pick([0, 2]))
    switch (random(6)) {
      case 0:
        return Buffer.from(text).toString("base64")
      case 1:
        return Buffer.from(text).toString("base64url")
      case 2:
        return encodeURIComponent(text)
      case 3:
        return JSON.stringify(text)
      case 4:
        return `q=${encodeURIComponent(text)}&r=1`
      default:
        return text
    }
  }

  function wrapped(inner: unknown): unknown {
    switch (random(4)) {
      case 0:
        return [quiet(), inner, quiet()]
      case 1:
        return Buffer.from(typeof inner === "string" ? inner : JSON.stringify(inner))
      default:
        return shuffled({ [pick(PLAIN)]: inner })
    }
  }
}

/** Whether any eight characters of the canary can be read in the text, as they are or in base64 at any of its three positions. */
export function shows(text: string, canary: string): boolean {
  for (let at = 6; at + 8 <= canary.length; at++) {
    const part = canary.slice(at, at + 8)
    if (text.includes(part)) return true
  }
  const tail = canary.slice(6)
  for (let shift = 0; shift < 3; shift++) {
    const base64 = Buffer.from("x".repeat(shift) + tail)
      .toString("base64")
      .slice(4, -4)
    for (let at = 0; at + 11 <= base64.length; at++) if (text.includes(base64.slice(at, at + 11))) return true
  }
  return false
}
