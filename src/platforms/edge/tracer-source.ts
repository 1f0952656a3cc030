import type { EdgeTracer } from "./edge-tracer.ts"
import { buildTracer, type EdgeOptions, type Variables } from "./settings.ts"
import { state } from "./state.ts"

/** Options, or what gives them for an environment. Evaluated for each invocation; the endpoint's exporter is made once all the same. */
export type EdgeConfiguration<Env = unknown> = EdgeOptions | ((env: Env) => EdgeOptions)

/** The environment that a handler or the constructor of a class is given; anything, where it does not say. */
export type EnvOf<H> = H extends { fetch?: (request: never, env: infer Env, ...rest: never[]) => unknown }
  ? Told<Env>
  : H extends new (
        context: never,
        env: infer Env,
        ...rest: never[]
      ) => unknown
    ? Told<Env>
    : // biome-ignore lint/suspicious/noExplicitAny: nothing is known of it, and options must still be able to read it.
      any

// biome-ignore lint/suspicious/noExplicitAny: the same.
type Told<Env> = unknown extends Env ? any : Env

export type ReadVariables = (env: Readonly<Record<string, string | undefined>>) => Variables

/** Gives the tracer of an invocation, or `undefined` where tracing is off. */
export type TracerFor = (env: unknown) => EdgeTracer | undefined

/** One tracer for each environment, or for each object of options that a function gives. */
export function tracerSource(configuration: EdgeConfiguration<never>, readVariables: ReadVariables): TracerFor {
  const variables = new WeakMap<object, Variables>()
  const tracers = new WeakMap<object, EdgeTracer>()
  return (given) => {
    const env = given !== null && typeof given === "object" ? given : processEnv()
    let known = variables.get(env)
    if (known === undefined) variables.set(env, (known = readVariables(stringsOf(env))))
    if (known.disabled) return undefined
    const options = typeof configuration === "function" ? configuration(env as never) : configuration
    const key = typeof configuration === "function" ? options : env
    let tracer = tracers.get(key)
    if (tracer === undefined) tracers.set(key, (tracer = buildTracer(options, known)))
    state.tracer = tracer
    return tracer
  }
}

const NO_ENV = {}

function processEnv(): object {
  return (globalThis as { process?: { env?: object } }).process?.env ?? NO_ENV
}

/** Bindings are no variables, and reading one is not free: only these names are looked at. */
function stringsOf(env: object): Record<string, string | undefined> {
  const strings: Record<string, string | undefined> = {}
  for (const key of Object.keys(env)) {
    if (!key.startsWith("OTEL_") && !key.startsWith("ANTIFREEZE_")) continue
    const value = (env as Record<string, unknown>)[key]
    if (typeof value === "string") strings[key] = value
  }
  return strings
}
