/** Decides whether a new trace is recorded: `true` to record it. Pure. */
export type Sampler = (traceId: string) => boolean

export const alwaysOn: Sampler = () => true
export const alwaysOff: Sampler = () => false

/**
 * Records this share (0 to 1) of all traces, the same ones in every process: the decision is a function of the right-most
 * 56 bits of the trace id, which are random (OpenTelemetry, "TraceIdRatioBased" and "Probability sampling").
 */
export function traceIdRatio(ratio: number): Sampler {
  if (ratio >= 1) return alwaysOn
  if (!(ratio > 0)) return alwaysOff
  const rejected = (1 - ratio) * 2 ** 56
  return (traceId) => Number.parseInt(traceId.slice(18), 16) >= rejected
}
