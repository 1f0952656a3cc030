const HOSTILE: readonly unknown[] = [
  null,
  undefined,
  "",
  0,
  -1,
  1e308,
  true,
  [],
  {},
  "aws:sqs",
  "x".repeat(70_000),
  { toString: null },
  [null],
  { Records: [null] },
  "{",
  "%%%",
  "\ud800",
  Number.NaN,
  { length: 1e9 },
]

/** `count` copies of the events, each with one to four places changed: another type, another value, gone, or twice. The same for the same seed. */
export function mutate(events: readonly unknown[], count: number, seed: string): unknown[] {
  const random = generator(seed)
  return Array.from({ length: count }, () => {
    const box = { event: structuredClone(events[Math.floor(random() * events.length)]) }
    for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) change(box, random)
    return box.event
  })
}

function change(box: object, random: () => number): void {
  const places: [Record<string, unknown>, string][] = []
  const walk = (value: unknown) => {
    if (value === null || typeof value !== "object") return
    for (const key of Object.keys(value)) {
      places.push([value as Record<string, unknown>, key])
      walk((value as Record<string, unknown>)[key])
    }
  }
  walk(box)
  const [owner, key] = places[Math.floor(random() * places.length)] ?? []
  if (owner === undefined || key === undefined) return
  const others = places.map(([owner, key]) => owner[key])
  const choice = random()
  if (choice < 0.2) delete owner[key]
  else if (choice < 0.7) owner[key] = HOSTILE[Math.floor(random() * HOSTILE.length)]
  else if (choice < 0.85) owner[key] = structuredClone(others[Math.floor(random() * others.length)])
  else owner[key] = JSON.stringify(owner[key])
}

/** mulberry32 */
function generator(seed: string): () => number {
  let state = [...seed].reduce((hash, character) => Math.imul(hash ^ character.charCodeAt(0), 0x01000193), 0x811c9dc5)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
