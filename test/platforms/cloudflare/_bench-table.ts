export interface Variant {
  readonly gzipBytes: number
  /** Microseconds of processor time for a request, one number for each round. */
  readonly none: number[]
  readonly fetch: number[]
  /** Requests that reached its endpoint. */
  posts: number
}

export interface Results {
  readonly requests: number
  readonly rounds: number
  readonly variants: Record<string, Variant>
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Of the same round each, so that a slow round slows both. */
export function ratio(variant: readonly number[], base: readonly number[]): number {
  return median(variant.map((value, at) => value / (base[at] as number)))
}

const PEERS = ["microlabs", "inference", "pydantic", "sentry"]

interface Cost {
  readonly us: number
  readonly overBare: number
  readonly overPost: number
  readonly addedUs: number
}

export function facts(results: Results): { name: string; gzipBytes: number; none: Cost; fetch: Cost }[] {
  const { variants } = results
  const bare = variants["bare"] as Variant
  const post = variants["bare + POST"] as Variant
  return Object.entries(variants).map(([name, variant]) => {
    const added = (path: "none" | "fetch") => median(variant[path].map((value, at) => value - (bare[path][at] as number)))
    return {
      name,
      gzipBytes: variant.gzipBytes,
      none: {
        us: median(variant.none),
        overBare: ratio(variant.none, bare.none),
        overPost: ratio(variant.none, post.none),
        addedUs: added("none"),
      },
      fetch: {
        us: median(variant.fetch),
        overBare: ratio(variant.fetch, bare.fetch),
        overPost: ratio(variant.fetch, post.fetch),
        addedUs: added("fetch"),
      },
    }
  })
}

/** A library that sends nothing is not faster, it is not there. Lingering sends 20 spans at once. */
export function delivers({ variants }: Results, name: string): boolean {
  const posts = (each: string) => variants[each]?.posts ?? 0
  return posts(name) >= posts("bare + POST") * (name.includes("lingering") ? 1 / 20 : 0.9)
}

/** The least that a peer adds which delivers. */
export function bestPeerUs(results: Results, path: "none" | "fetch"): number {
  return Math.min(
    ...facts(results)
      .filter(({ name }) => PEERS.includes(name) && delivers(results, name))
      .map((fact) => fact[path].addedUs),
  )
}

export function printTable(results: Results): void {
  console.log(
    `CPU of workerd per request, µs (median of ${results.rounds} rounds of ${results.requests}); × bare; × bare + POST of the same bytes`,
  )
  console.table(
    Object.fromEntries(
      facts(results).map(({ name, gzipBytes, none, fetch }) => [
        name,
        {
          delivers: delivers(results, name) ? "yes" : "no",
          "gzip kB": (gzipBytes / 1000).toFixed(1),
          "no call": none.us.toFixed(0),
          "× bare": none.overBare.toFixed(2),
          "× POST": none.overPost.toFixed(2),
          "one fetch": fetch.us.toFixed(0),
          "× bare ": fetch.overBare.toFixed(2),
          "× POST ": fetch.overPost.toFixed(2),
        },
      ]),
    ),
  )
  for (const path of ["none", "fetch"] as const) {
    for (const { name, [path]: cost } of facts(results)) {
      if (!name.startsWith("antifreeze")) continue
      const share = (cost.addedUs / bestPeerUs(results, path)) * 100
      console.log(
        `${path}: ${name} adds ${cost.addedUs.toFixed(0)} µs, ${share.toFixed(0)} % of the ${bestPeerUs(results, path).toFixed(0)} µs of the best peer`,
      )
    }
  }
}
