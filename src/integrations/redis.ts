import type { Integration } from "../core/contracts.ts"
import { ignore, type Report, undoAll } from "./_channel.ts"
import { watchChannel } from "./_db.ts"
import { describeRedis, isCommand, type RedisCall, tellRedis } from "./_redis.ts"

/** Traces the npm packages redis and @redis/client, from 5.12: a span for each command, pipeline and transaction. */
export const redisIntegration: Integration<RedisCall> = {
  name: "redis",

  watch(trace, report: Report = ignore) {
    return undoAll([
      // What belongs to a pipeline says so.
      watchChannel("node-redis:command", trace, report, { isWanted: isCommand }),
      watchChannel("node-redis:batch", trace, report),
    ])
  },

  // The first argument is the name of the command.
  describe: (call) => describeRedis(call, (call.args?.length ?? 1) - 1),

  tell: tellRedis,
}
