/** mulberry32: the same cases for the same seed. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** What parsers stumble over. */
const TOKENS = [
  "", "\0", "\r\n", "\n", "\t", " ", ",", ";", "=", ":", "-", "%", "%0d%0a", "%zz", "\"", "'", "\\", "`", "{", "}", "[", "]", "(", ")", "/*", "*/", "--", "$$", "$1",
  "__proto__", "constructor", "prototype", "toString", "null", "true", "-1", "1e999", "9".repeat(400), "0".repeat(32), "f".repeat(32), "00-", "Root=1-", "é", "\u{1f600}", "\ud800", "\ufeff",
] // biome-ignore format: one list.

/** A neighbour of one of the samples: cut, doubled, spliced with another, sprinkled with tokens. */
export function mutate(samples: readonly string[], random: (below: number) => number): string {
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T
  let text = pick(samples)
  for (let step = random(6); step >= 0; step--) {
    const at = random(text.length + 1)
    const to = Math.min(text.length, at + random(12))
    switch (random(7)) {
      case 0:
        text = text.slice(0, at) + text.slice(to)
        break
      case 1:
        text = text.slice(0, at) + pick(TOKENS) + text.slice(at)
        break
      case 2:
        text = text.slice(0, at) + pick(TOKENS) + text.slice(to)
        break
      case 3:
        text = text.slice(0, to) + text.slice(at)
        break
      case 4: {
        const other = pick(samples)
        text = text.slice(0, at) + other.slice(random(other.length + 1))
        break
      }
      case 5:
        text = text.slice(0, at) + String.fromCharCode(random(random(4) === 0 ? 65_536 : 128)) + text.slice(at + 1)
        break
      default:
        text = text.slice(0, at) + text.slice(at, to).repeat(random(20)) + text.slice(to)
    }
    if (text.length > 20_000) text = text.slice(0, 20_000)
  }
  return text
}
