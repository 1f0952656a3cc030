import type { Integration } from "../core/contracts.ts"
import { ignore, type Report, subscribe, undoAll } from "./_channel.ts"
import { watchChannel } from "./_db.ts"
import { describeRedis, isCommand, type RedisCall, tellRedis } from "./_redis.ts"

/** Traces ioredis, from 5.11: a span for each command, those of a pipeline too, and one for each transaction. */
export const ioredisIntegration: Integration<RedisCall> = {
  name: "ioredis",

  watch(trace, report: Report = ignore) {
    // The commands of a transaction are published while it is being sent.
    let sending = 0
    return undoAll([
      watchChannel("ioredis:batch", trace, report),
      subscribe("tracing:ioredis:batch:start", () => void sending++, report),
      subscribe("tracing:ioredis:batch:end", () => void sending--, report),
      watchChannel("ioredis:command", trace, report, { isWanted: (call: RedisCall) => sending === 0 && isCommand(call) }),
    ])
  },

  describe: (call) => describeRedis(call, call.args?.length),

  tell: tellRedis,

  // What has waited for the connection is published when that is ready, in its context: the caller's is lost.
  adopts: true,
}
