import { describe, expect, test } from "vitest"
import { createReplyReader, type Reply } from "../../../src/platforms/lambda/replies.ts"

const GOOD =
  "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: abc\r\nContent-Length: 4\r\n\r\nbödy".replace("Content-Length: 4", "Content-Length: 5") +
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n".replace(
    "Trailer: x\r\n",
    "",
  ) +
  "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"

function feed(pieces: Iterable<Uint8Array>): { replies: Reply[]; good: boolean } {
  const replies: Reply[] = []
  const reader = createReplyReader((reply) => replies.push(reply))
  let good = true
  for (const piece of pieces) good = reader.feed(piece)
  return { replies, good }
}

describe("replies of the Extensions API", () => {
  test.each([1, 2, 3, 7, 1_000])("are read in pieces of %i bytes", (size) => {
    const bytes = Buffer.from(GOOD)
    const { replies, good } = feed(
      Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size)),
    )
    expect(good).toBe(true)
    expect(replies.map(({ status, body }) => [status, body])).toEqual([
      [200, "bödy"],
      [200, "abc0123456789"],
      [403, ""],
    ])
    expect(replies[0]?.headers.get("lambda-extension-identifier")).toBe("abc")
  })

  test.each([
    "\x16\x03\x01\x00",
    "SSH-2.0-x\r\n",
    "HTTP/1.1 abc\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
    `HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}`,
  ])("%.30j is given up at once", (text) => {
    expect(feed([Buffer.from(text)])).toEqual({ replies: [], good: false })
  })

  test("random bytes never throw", () => {
    for (let round = 0; round < 2_000; round++) {
      const bytes = Buffer.from(GOOD)
      for (let change = 0; change < 5; change++) bytes[Math.floor(Math.random() * bytes.length)] = Math.floor(Math.random() * 256)
      feed([bytes.subarray(0, 60), bytes.subarray(60)])
    }
  })
})
