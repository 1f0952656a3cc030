import { type AnyIntegration, whenLoaded } from "./_patch.ts"

type Patch = Parameters<typeof whenLoaded>[1]

/**
 * Teaches versions of a library that publish no tracing channel to publish what later ones do. The library's own integration
 * listens to either, so that there is one description of its calls, and nothing of this in functions that need it not.
 */
export function teacher(library: string, patch: Patch): AnyIntegration {
  const name = `${library}, taught`
  return {
    name,
    watch: () => whenLoaded(name, patch),
    describe() {
      throw new Error(`Calls of ${name} come by its channel.`)
    },
  }
}

/** Says how a call has ended, runs the caller's callback, and gives what that gives. */
export type Settle = (error?: unknown, callback?: () => unknown) => unknown

/** Publishes a call as `TracingChannel` does, from what `describe` says of it. Where nobody listens, `run` is given nothing. */
export type Publish = <T>(describe: () => object, run: (settle: Settle | undefined) => T) => T

/** A channel of that name (Node's documentation, "TracingChannel Channels"). */
export function publisher(name: string): Publish {
  const { channel } = process.getBuiltinModule("node:diagnostics_channel")
  const step = (step: string) => channel(`tracing:${name}:${step}`)
  const start = step("start")
  const [end, asyncStart, asyncEnd, error] = [step("end"), step("asyncStart"), step("asyncEnd"), step("error")]
  return (describe, run) => {
    if (!start.hasSubscribers) return run(undefined)
    const message = describe() as { error?: unknown }
    start.publish(message)
    try {
      return run((failure, callback) => {
        if (failure !== undefined && failure !== null) {
          message.error = failure
          error.publish(message)
        }
        asyncStart.publish(message)
        try {
          return callback?.()
        } finally {
          asyncEnd.publish(message)
        }
      })
    } catch (thrown) {
      message.error = thrown
      error.publish(message)
      throw thrown
    } finally {
      end.publish(message)
    }
  }
}

/** A promise that settles after `settle` was told: a rejection that nobody handles stays one. */
export function settling<T>(promise: Promise<T>, settle: Settle | undefined): Promise<T> {
  if (settle === undefined) return promise
  return promise.then(
    (value) => {
      settle()
      return value
    },
    (failure: unknown) => {
      settle(failure)
      throw failure
    },
  )
}
