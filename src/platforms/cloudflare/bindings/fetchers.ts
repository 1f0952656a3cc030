import { answerTags, carryHeaders, describeFetch } from "../../edge/fetch-call.ts"
import { state } from "../../edge/state.ts"
import { type Meaning, traceCall } from "../../edge/trace-call.ts"
import { activePolicy, type Binding, patch } from "./binding.ts"

/** Our last argument of an RPC call, for a receiver that knows us; nobody else ever gets it. */
export const RPC_CONTEXT = "antifreeze.rpc.v1"

const adopted = new WeakSet<object>()

/** Calls of `fetch` on a service binding or a Durable Object. */
const fetcher: Binding = {
  name: "cloudflare.fetcher",
  classNames: ["Fetcher"],
  methods: ["fetch"],
  describe({ args, binding }) {
    const described = describeFetch(args as never)
    return { ...described, tags: { ...described.tags, "cloudflare.binding.type": "service", "cloudflare.binding.name": binding } }
  },
  tagsOf: answerTags,
  carry: ({ args }, headers, { propagateTo }) => carryHeaders(args, headers, propagateTo),
}

/**
 * Watches a service binding or a stub. Its RPC methods exist only when they are asked for, by an interceptor on the object
 * itself that answers after the whole prototype chain. So a proxy goes *into the chain*: the stub stays the native object,
 * which RPC can pass on, and a name that the chain does not know
 *
 * 1. reaches the proxy with the stub as its receiver,
 * 2. is asked of the stub with the chain as it was,
 * 3. and comes back as the runtime's own property, with its call watched.
 */
export function adoptStub(stub: object, name: string): void {
  if (adopted.has(stub)) return
  adopted.add(stub)
  state.names.set(stub, name)
  const prototype = Object.getPrototypeOf(stub) as object
  for (let each: object | null = prototype; each !== null && each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    if (Object.hasOwn(each, "fetch")) patch(each, fetcher)
  }
  Object.setPrototypeOf(stub, proxyOf(prototype))
}

const proxies = new WeakMap<object, object>()

/** The language asks for these by itself; the runtime has no RPC methods of these names either. */
const NEVER_RPC = new Set(["then", "catch", "finally", "toJSON", "dup"])

function proxyOf(prototype: object): object {
  const known = proxies.get(prototype)
  if (known !== undefined) return known
  const proxy: object = new Proxy(prototype, {
    get(target, key, receiver: object) {
      if (typeof key !== "string" || key in target || NEVER_RPC.has(key) || !adopted.has(receiver))
        return Reflect.get(target, key, receiver)
      let property: unknown
      Object.setPrototypeOf(receiver, target)
      try {
        property = (receiver as Record<string, unknown>)[key]
      } finally {
        Object.setPrototypeOf(receiver, proxy)
      }
      return typeof property === "function" ? watchProperty(property as RpcProperty, state.names.get(receiver) as string, key) : property
    },
    // For instanceof, and for whoever looks: the chain is as it was.
    getPrototypeOf: (target) => target,
  })
  proxies.set(prototype, proxy)
  return proxy
}

type RpcProperty = ((...args: unknown[]) => unknown) & Record<PropertyKey, unknown>

interface RpcCall {
  readonly binding: string
  readonly method: string
}

/** OpenTelemetry, "RPC client". */
const rpc: Meaning<RpcCall> = {
  name: "cloudflare.rpc",
  describe: ({ binding, method }) => ({
    operationName: `${binding}/${method}`,
    kind: "client",
    tags: {
      "rpc.system.name": "cloudflare",
      "rpc.method": `${binding}/${method}`,
      "cloudflare.binding.type": "rpc",
      "cloudflare.binding.name": binding,
    },
  }),
}

function watchProperty(property: RpcProperty, binding: string, method: string): unknown {
  return new Proxy(property, {
    apply(target, self, args: unknown[]) {
      if (state.scopeManager.active === null) return Reflect.apply(target, self, args)
      return traceCall(
        rpc,
        { binding, method },
        (headers) => {
          const sent = activePolicy().rpc?.includes(binding) ? [...args, { [RPC_CONTEXT]: headers() }] : args
          return Reflect.apply(target, self, sent) as PromiseLike<unknown>
        },
        // The very promise that the runtime gave: its properties are calls that need not wait for it.
        (promise, { returned, threw }) => {
          promise.then(() => returned(undefined), threw)
          return promise
        },
      )
    },
    get(target, key) {
      const value = Reflect.get(target, key, target)
      if (typeof value !== "function") return value
      if (typeof key !== "string" || NEVER_RPC.has(key)) return value.bind(target)
      return watchProperty(value as RpcProperty, binding, `${method}.${key}`)
    },
  })
}
