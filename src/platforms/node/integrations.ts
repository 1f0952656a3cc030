import { traceFor } from "../../core/trace.ts"
import { awakened, subscribe, undoAll } from "../../integrations/_channel.ts"
import { type AnyIntegration, takeOffered } from "../../integrations/_patch.ts"
import { httpClient } from "./http-clients.ts"
import { type Hooks, processState } from "./process-state.ts"
import { storeChannels } from "./store-channels.ts"
import { store } from "./stores.ts"

/** What HTTP clients publish first of a call, in the context of its caller, by integration. */
const httpChannels = {
  undici: ["undici:request:create"],
  http: ["http.client.request.created"],
  http2: ["http2.client.stream.created"],
}

/** Starts watching, once in a process: our integrations, those that come with their library, and the user's own. */
export function watchAll(own: readonly (AnyIntegration | Hooks)[] = []): void {
  // Node before 20.16 and 22.3: the function runs untraced.
  if (process.getBuiltinModule === undefined) return
  for (const each of own) {
    if ("watch" in each) watch(each)
    else processState.hooks.set(each.name, each)
  }
  // Their channels tell of streams too late to give them headers; what has been loaded by now can be patched.
  if ((process as { moduleLoadList?: readonly string[] }).moduleLoadList?.includes("NativeModule http2")) watch(httpClient("http2"))
  watchLater(httpChannels, httpClient)
  watchLater(storeChannels, store)
  takeOffered(watch)
}

/** Integrations that are loaded when a call is first told of: most functions make only a few kinds of them. */
function watchLater<Name extends string>(channels: Readonly<Record<Name, readonly string[]>>, load: (name: Name) => AnyIntegration): void {
  const { watching, scopeManager } = processState
  for (const name in channels) {
    if (watching.has(name)) continue
    const wake = (channel: string) => (message: unknown) => {
      // Our own deliveries are calls, too.
      if (!(scopeManager.active ?? scopeManager.invocations.size)) return
      const integration = load(name)
      sleep()
      watching.delete(name)
      awakened(channel, message, () => watch(integration))
    }
    const sleep = undoAll(channels[name].map((channel) => subscribe(channel, wake(channel), (error) => untraced(name, error))))
    watching.set(name, sleep)
  }
}

/** An integration that cannot watch is reported and left out. */
function watch(integration: AnyIntegration): void {
  const { watching, hooks, scopeManager, report } = processState
  const { name } = integration
  if (watching.has(name)) return
  const hooked = Object.create(integration, {
    onCall: { get: () => hooks.get(name)?.onCall ?? integration.onCall },
    onResult: { get: () => hooks.get(name)?.onResult ?? integration.onResult },
  }) as AnyIntegration
  try {
    watching.set(name, integration.watch(traceFor(scopeManager, hooked, report)))
  } catch (error) {
    untraced(name, error)
  }
}

function untraced(name: string, error: unknown): void {
  processState.report("instrumentation", `calls of ${name} are not traced: ${String(error)}.`)
}
