/** What the thread is given. */
export interface WatcherData {
  /** One cell: a count of invocations above two bits: 0 idle, 1 armed, 2 fired; and one that is 1 while the thread waits for the next. */
  readonly cells: Int32Array
  /** When to fire, in milliseconds since the Unix epoch. */
  readonly atMs: Float64Array
  /** The journal. */
  readonly file: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly tls: Readonly<Record<string, string>>
  /** Whether the variables for proxies apply. */
  readonly proxied: boolean
}

/**
 * The whole life of the watchdog's thread. It is handed over as text, so it may use nothing from outside itself.
 *
 * 1. It sleeps in `Atomics.wait`, which costs nothing, until the time that the main thread has set for an invocation: a moment after
 *    that thread's own timer should have fired.
 * 2. Still armed then, the main thread is blocked: what its journal says goes out, running spans marked `antifreeze.unfinished`.
 * 3. What the endpoint has taken is cut out of the journal, so that the next process does not tell it again.
 */
export function watcher(): void {
  const { getBuiltinModule, env } = process
  const { cells, atMs, file, url, headers, tls, proxied } = getBuiltinModule("node:worker_threads").workerData as WatcherData
  const { request, Agent } = getBuiltinModule(url.startsWith("https:") ? "node:https" : "node:http")
  const { readFileSync, statSync, truncateSync } = getBuiltinModule("node:fs")
  watch()

  function watch(): void {
    for (;;) {
      const state = Atomics.load(cells, 0)
      const isArmed = (state & 3) === 1
      const leftMs = isArmed ? (atMs[0] ?? 0) - Date.now() : Number.POSITIVE_INFINITY
      if (leftMs <= 0) {
        if (Atomics.compareExchange(cells, 0, state, state + 1) === state) return tell()
        continue
      }
      Atomics.store(cells, 1, isArmed ? 0 : 1)
      Atomics.wait(cells, 0, state, leftMs)
    }
  }

  function tell(): void {
    let isOver = false
    const over = () => {
      if (!isOver) watch()
      isOver = true
    }
    try {
      const written = readFileSync(file)
      const body = bodyOf(`${written}`)
      if (body === undefined) return watch()
      const agent = new Agent(proxied ? ({ proxyEnv: env } as object) : {})
      const all = { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...headers }
      const options = { method: "POST", agent, headers: all, signal: AbortSignal.timeout(3_000), ...tls }
      request(url, options, ({ statusCode = 0 }) => {
        if (statusCode >= 200 && statusCode < 300 && statSync(file).size === written.length) truncateSync(file)
        agent.destroy()
      })
        .on("error", over)
        .on("close", over)
        .end(body)
    } catch {
      over()
    }
  }

  /** Of what is said of a span the last counts. */
  function bodyOf(text: string): string | undefined {
    const spans = new Map()
    let frame: { scopeSpans: { spans: object[] }[] } | undefined
    for (const line of text.split("\n")) {
      try {
        frame = JSON.parse(line.slice(9)).resourceSpans[0]
        for (const span of frame?.scopeSpans[0]?.spans ?? []) spans.set((span as { spanId: string }).spanId, span)
      } catch {
        // It was being written.
      }
    }
    const [scope] = frame?.scopeSpans ?? []
    if (scope === undefined) return undefined
    for (const span of spans.values()) {
      if (!span.attributes?.some(({ key }: { key: string }) => key === "antifreeze.unfinished")) continue
      span.endTimeUnixNano = `${Date.now()}000000`
      // OTLP, "SpanFlags": the parent is in another process.
      const isRoot = span.parentSpanId === undefined || (span.flags & 0x200) !== 0
      if (isRoot) span.attributes.push({ key: "antifreeze.revision", value: { intValue: "1" } })
    }
    return JSON.stringify({ resourceSpans: [{ ...frame, scopeSpans: [{ ...scope, spans: [...spans.values()] }] }] })
  }
}
