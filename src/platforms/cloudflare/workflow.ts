import type { Trigger } from "../../core/contracts.ts"
import { answer } from "../edge/answer.ts"
import { type Followable, tieTo } from "../edge/context.ts"
import type { EdgeTracer } from "../edge/edge-tracer.ts"
import { watchFetch } from "../edge/global-fetch.ts"
import { type Identity, type Invocation, openInvocation } from "../edge/invocation.ts"
import { state } from "../edge/state.ts"
import type { TracerFor } from "../edge/tracer-source.ts"

interface WorkflowOptions {
  readonly tracerFor: TracerFor
  readonly env: unknown
  readonly context: Followable | undefined
  readonly className: string
}

interface WorkflowEvent {
  readonly instanceId: string
  readonly timestamp: Date
}

type Call = (args: readonly unknown[]) => unknown

/**
 * Traces an instance of a Workflow. It may be put away between two steps and start over in another isolate, where `run` is
 * called again and the steps that are done only give their results. So that all of it is one trace:
 *
 * 1. The ids of the trace and of its root are made from the id of the instance: every `run` comes to the same.
 * 2. A step is a span only where its callback runs, and is delivered when it ends: there may be no later.
 * 3. The root goes out once, when `run` comes to its end, and reaches back to when the instance was created.
 */
export async function traceWorkflow(options: WorkflowOptions, args: readonly unknown[], call: Call): Promise<unknown> {
  const [event, step, ...more] = args as [WorkflowEvent, object, ...unknown[]]
  const tie = tieTo(options.context)
  let run: Run | undefined
  try {
    const tracer = options.tracerFor(options.env)
    if (tracer === undefined) return call(args)
    watchFetch()
    const own = await identityOf(options.className, event)
    run = { tracer, ...openInvocation({ tracer, tie, trigger: triggerOf(options.className, event), own }) }
  } catch (error) {
    state.report("invocation", `this invocation is not traced: ${String(error)}.`)
  }
  return run === undefined ? call(args) : answer(run, undefined, undefined, tie, () => call([event, watchSteps(step, run as Run), ...more]))
}

interface Run extends Invocation {
  readonly tracer: EdgeTracer
}

async function identityOf(className: string, { instanceId, timestamp }: WorkflowEvent): Promise<Identity> {
  const text = new TextEncoder().encode(`antifreeze workflow ${className} ${instanceId}`)
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text))
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")
  return { traceId: hex.slice(0, 32), spanId: hex.slice(32, 48), startTime: Number(timestamp) }
}

function triggerOf(className: string, { instanceId }: WorkflowEvent): Trigger {
  return {
    operationName: `${className} run`,
    kind: "server",
    tags: { "faas.trigger": "other", "faas.invocation_id": instanceId, "cloudflare.workflow.instance_id": instanceId },
  }
}

type Do = (name: string, ...rest: unknown[]) => unknown

/** The runtime's own steps, with the callbacks of `do` watched: everything else is the runtime's. */
function watchSteps(step: object, run: Run): object {
  return new Proxy(step, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== "function") return value
      // Steps may come over RPC, where even "bind" would be a call.
      if (key !== "do") return Function.prototype.bind.call(value, target)
      return (name: string, ...rest: unknown[]) => {
        const callback = rest.at(-1)
        if (typeof callback === "function")
          rest[rest.length - 1] = (...given: unknown[]) => runStep(run, String(name), () => callback(...given))
        return Reflect.apply(value as Do, target, [name, ...rest])
      }
    },
  })
}

function runStep({ tracer, root, checkpoint }: Run, name: string, callback: () => unknown): unknown {
  return tracer.startActiveSpan(name, { childOf: root, finishOnClose: false, tags: { "cloudflare.workflow.step": name } }, async (span) => {
    try {
      return await callback()
    } catch (error) {
      span.fail(error)
      throw error
    } finally {
      span.finish()
      checkpoint()
    }
  })
}
