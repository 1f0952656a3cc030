import { describe, expect, it } from "vitest"
import { isSecretName, redactCredentials, redactHeaders, redactQuery, redactUrl, redactValue } from "../../src/core/redact.ts"

describe("redaction", () => {
  it.each([
    ["https://user:pw@host/a?b=1", "https://REDACTED@host/a?b=1"],
    [
      "/a?X-Amz-Signature=s&x-amz-credential=c&X-Amz-Security-Token=t&ok=1",
      "/a?X-Amz-Signature=REDACTED&x-amz-credential=REDACTED&X-Amz-Security-Token=REDACTED&ok=1",
    ],
    [
      "/a?AWSAccessKeyId=k&Signature=s&sig=x&X-Goog-Signature=g#f",
      "/a?AWSAccessKeyId=REDACTED&Signature=REDACTED&sig=REDACTED&X-Goog-Signature=REDACTED#f",
    ],
    ["/me@example?design=1&signed=2", "/me@example?design=1&signed=2"],
  ])("of %s", (url, expected) => {
    expect(redactUrl(url)).toBe(expected)
  })
  it("of a query that stands alone", () => {
    expect(redactQuery("sig=1&a=2")).toBe("sig=REDACTED&a=2")
    expect(redactQuery("?sig=1")).toBe("?sig=REDACTED")
  })
  it("of an authority", () => {
    expect([redactCredentials("u:p@h:1"), redactCredentials("u@h"), redactCredentials("h")]).toEqual([
      "REDACTED:REDACTED@h:1",
      "REDACTED@h",
      "h",
    ])
  })
  it("of headers and of keys at any depth", () => {
    expect(redactHeaders({ Authorization: "a", "x-api-key": "b", Cookie: "c", accept: "d" })).toEqual({
      Authorization: "REDACTED",
      "x-api-key": "REDACTED",
      Cookie: "REDACTED",
      accept: "d",
    })
    expect(redactValue({ user: { name: "n", passwordHash: "p", list: [{ accessToken: 1, n: 2 }] } })).toEqual({
      user: { name: "n", passwordHash: "REDACTED", list: [{ accessToken: "REDACTED", n: 2 }] },
    })
    expect(isSecretName("keyboard")).toBe(false)
  })
})
