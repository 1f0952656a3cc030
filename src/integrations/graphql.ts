import type { Channel } from "node:diagnostics_channel"
import type { End, Integration, Tags, Trace } from "../core/contracts.ts"
import { ignore, type Report, subscribe, undoAll } from "./_channel.ts"
import { type Published, tellFailure } from "./_db.ts"
import { type Method, patchMethod, whenLoaded } from "./_patch.ts"

type Step = "parse" | "validate" | "execute" | "subscribe"

export interface GraphqlCall {
  readonly step: Step
  /** What the step was called with; `parse` has no document yet. */
  readonly args: {
    readonly document?: { readonly definitions?: readonly Definition[] }
    readonly operationName?: string | null | undefined
  }
}

interface Definition {
  readonly kind: string
  readonly operation?: string
  readonly name?: { readonly value: string } | undefined
}
/** Errors of a validation are a list, those of an execution are beside its data. */
type Result = readonly Failure[] | { readonly errors?: readonly Failure[] }
interface Failure {
  readonly originalError?: { readonly name?: string } | undefined
  readonly extensions?: { readonly code?: unknown }
}

/**
 * Traces graphql: of version 17 the parsing, validation, execution and subscription, by its channels; of 16 the execution and
 * subscription. What resolvers call belongs to the execution. The document is not shown: it is full of literals (the
 * conventions have it on demand, and a hook gets it).
 */
export const graphqlIntegration: Integration<GraphqlCall, Result> = {
  name: "graphql",

  watch(trace, report: Report = ignore) {
    const steps = ["parse", "validate", "execute", "subscribe"] as const
    return undoAll([
      ...steps.map((step) => watchStep(step, trace, report)),
      whenLoaded("graphql", (target) => {
        // Version 17 publishes.
        if ("executeRootSelectionSet" in target) return []
        return steps.slice(2).flatMap((step) => (step in target ? patchMethod(target, step, (run) => traceStep(step, run, trace)) : []))
      }),
    ])
  },

  describe({ step, args }) {
    if (step === "parse" || step === "validate") return { operationName: `graphql.${step}`, kind: "internal", tags: {} }
    const { operation, name } = operationOf(args) ?? {}
    return {
      // OpenTelemetry semantic conventions 1.44, "GraphQL": the name of the operation is the client's, and without bounds.
      operationName: operation ?? "GraphQL Operation",
      kind: "server",
      tags: { "graphql.operation.type": operation, "graphql.operation.name": name?.value },
    }
  },

  tagsOf(result): Tags {
    const [first] = (Array.isArray(result) ? result : (result as { errors?: Failure[] }).errors) ?? []
    if (first === undefined) return {}
    const { extensions, originalError } = first as Failure
    return { error: true, "error.type": String(extensions?.code ?? originalError?.name ?? "GraphQLError") }
  },

  tell: (error) => tellFailure(error),
}

/** Version 17 asks for the name with a getter, which trips over a document that is missing. */
function operationOf(args: GraphqlCall["args"]): Definition | undefined {
  const operations = args.document?.definitions?.filter(({ kind }) => kind === "OperationDefinition") ?? []
  if (operations.length === 0) return undefined
  const { operationName } = args
  if (operationName != null) return operations.find(({ name }) => name?.value === operationName)
  return operations.length === 1 ? operations[0] : undefined
}

function traceStep(step: Step, run: Method, trace: Trace<GraphqlCall, Result>): Method {
  return function (args: GraphqlCall["args"], ...more) {
    return trace({ step, args: args ?? {} }, () => Reflect.apply(run, this, [args, ...more]))
  }
}

type Message = Published & GraphqlCall["args"]
type Store = Parameters<Channel["bindStore"]>[0]

function watchStep(step: Step, trace: Trace<GraphqlCall, Result>, report: Report): () => void {
  const start = process.getBuiltinModule("node:diagnostics_channel").channel(`tracing:graphql:${step}:start`)
  const end = Symbol(step)
  type Carrying = Message & { [end]?: End<Result> | undefined }
  const settled = (message: Carrying) => message[end]?.(message.error, message.result as Result)
  const scope = {
    run: (message: Carrying, next: () => unknown) =>
      trace({ step, args: message }, (operation) => {
        message[end] = operation.defer()
        return next()
      }),
  } as unknown as Store
  const isScoped = runsWithin()
  if (isScoped) start.bindStore(scope, (message) => message)
  const begin = (message: Carrying) => void (message[end] = trace.begin?.({ step, args: message }))
  return undoAll([
    isScoped ? () => void start.unbindStore(scope) : subscribe(start.name as string, begin, report),
    // A result that is still missing at the end is under way.
    subscribe<Carrying>(`tracing:graphql:${step}:end`, (message) => message.result !== undefined && settled(message), report),
    subscribe<Carrying>(`tracing:graphql:${step}:asyncStart`, settled, report),
    subscribe<Carrying>(`tracing:graphql:${step}:error`, settled, report),
  ])
}

/**
 * A channel runs what it announces within the stores that are bound to it: so a step has our scope, and what resolvers call has
 * the right parent. Node up to 24 asks a store for no more than `run`. Node 26 does: there a step is only looked at.
 */
function runsWithin(): boolean {
  const probe = process.getBuiltinModule("node:diagnostics_channel").channel("antifreeze:probe")
  const store = { run: (_: unknown, next: () => unknown) => next() } as unknown as Store
  try {
    probe.bindStore(store, (message) => message)
    return (probe.runStores as (...args: unknown[]) => unknown).call(probe, {}, () => true) === true
  } catch {
    return false
  } finally {
    probe.unbindStore(store)
  }
}
