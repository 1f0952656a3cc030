/**
 * Runs `task`, and aborts its signal once the process has *idled* for `boundMs` meanwhile: time in which it could do nothing
 * but wait for the other side. Time spent computing does not count, so a TLS handshake at 128 MB of memory, which gets a
 * fourteenth of a processor, is not taken for an endpoint that hangs. After `maxMs` the signal is aborted in any case.
 */
export async function boundIdle<T>(boundMs: number, maxMs: number, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const startMs = performance.now()
  const before = performance.eventLoopUtilization()
  let timer = setTimeout(check, Math.min(boundMs, maxMs))
  try {
    return await task(controller.signal)
  } finally {
    clearTimeout(timer)
  }

  function check(): void {
    const { idle } = performance.eventLoopUtilization(before)
    const leftMs = Math.min(boundMs - idle, maxMs - (performance.now() - startMs))
    if (leftMs >= 1) timer = setTimeout(check, leftMs)
    else controller.abort(new Error(`no answer within ${Math.round(boundMs)} ms`))
  }
}
