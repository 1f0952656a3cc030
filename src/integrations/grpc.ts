import type { End, Integration, Operation, Trace } from "../core/contracts.ts"
import { serverTags, tellFailure } from "./_db.ts"
import { type Method, patchMethod, whenLoaded } from "./_patch.ts"

export interface GrpcCall {
  /** `/package.Service/Method` */
  readonly path: string
  readonly channel: Channel
}

interface Channel {
  /** `dns:shop.example:443`, `ipv4:127.0.0.1:80`, `unix:/run/shop`. */
  getTarget(): string
}

export interface Status {
  readonly code: number
  readonly details?: string
}

/** The library's own metadata, of which the callee's headers are made. */
interface Metadata {
  clone(): Metadata
  get(name: string): readonly unknown[]
  set(name: string, value: string): void
}
interface Listener {
  onReceiveMetadata(metadata: unknown): void
  onReceiveMessage(message: unknown): void
  onReceiveStatus(status: Status): void
}
interface Library {
  readonly prototype?: object
  readonly Channel?: { readonly prototype: object }
  readonly ChannelImplementation?: { readonly prototype: object }
  getChannel?(): object
}

// gRPC core concepts, "Status codes", by number.
const CODES =
  "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED".split(
    " ",
  )

/**
 * Traces the clients of @grpc/grpc-js 1: a span for each call of any kind, from its start to its status, whichever way it was
 * made; the metadata carries the trace. Messages are never read.
 */
export const grpcIntegration: Integration<GrpcCall, Status> = {
  name: "@grpc/grpc-js",

  watch(trace) {
    // A channel's createCall: generated clients hold on to the methods of Client, and interceptors come before it.
    return whenLoaded("@grpc/grpc-js", (target: Library) => {
      const channel = typeof target.getChannel === "function" ? target.getChannel() : undefined
      const owners = [target, target.prototype, target.Channel?.prototype, target.ChannelImplementation?.prototype, channel]
      return owners.flatMap((owner) =>
        owner !== undefined && "createCall" in owner ? patchMethod(owner, "createCall", (create) => traceCalls(create, trace)) : [],
      )
    })
  },

  describe({ path, channel }) {
    const target = channel.getTarget()
    const [, host = target, port] = /^(?:(?:dns|ipv4|ipv6|unix|xds):)?(?:\/\/[^/]*\/)?(.*?)(?::(\d+))?$/.exec(target) ?? []
    const method = path.replace(/^\//, "")
    return {
      operationName: method,
      kind: "client",
      tags: {
        "rpc.system.name": "grpc",
        "rpc.method": method,
        ...serverTags(host.replace(/^\[|\]$/g, ""), port === undefined ? undefined : Number(port)),
      },
    }
  },

  tagsOf: ({ code }) => ({ "rpc.status_code": CODES[code] ?? String(code) }),

  tell(error) {
    const { code, details } = error as Partial<Status>
    if (typeof code !== "number") return tellFailure(error)
    const name = CODES[code] ?? String(code)
    return tellFailure({ name, code: name, message: details })
  },
}

function traceCalls(create: Method, trace: Trace<GrpcCall, Status>): Method {
  return function (this: Channel, path: string, ...more: unknown[]) {
    const call = Reflect.apply(create, this, [path, ...more]) as { start: Method }
    const { start } = call
    call.start = (metadata: Metadata, listener: Listener) => {
      const resume = trace.capture?.()
      return trace({ path, channel: this }, (operation) => {
        if (operation.context === undefined || resume === undefined) return Reflect.apply(start, call, [metadata, listener])
        return Reflect.apply(start, call, [carrying(metadata, operation), watched(listener, operation.defer(), resume)])
      })
    }
    return call
  }
}

/** The caller's metadata win, and stay as they are: they may be used for the next call, too. */
function carrying(metadata: Metadata, { headers }: Operation<Status>): Metadata {
  let sent = metadata
  for (const [name, value] of Object.entries(headers)) {
    if (metadata.get(name).length > 0 || !/^[ -~]*$/.test(value)) continue
    if (sent === metadata) sent = metadata.clone()
    sent.set(name, value)
  }
  return sent
}

/** What comes back is told in the caller's scope: a connection is shared by many. */
function watched(listener: Listener, end: End<Status>, resume: <T>(fn: () => T) => T): Listener {
  return {
    onReceiveMetadata: (metadata) => resume(() => listener.onReceiveMetadata(metadata)),
    onReceiveMessage: (message) => resume(() => listener.onReceiveMessage(message)),
    onReceiveStatus(status) {
      end(status.code === 0 ? undefined : status, status)
      resume(() => listener.onReceiveStatus(status))
    },
  }
}
