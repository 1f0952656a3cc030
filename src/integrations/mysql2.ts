import type { Integration } from "../core/contracts.ts"
import { ignore, type Report, subscribe, undoAll } from "./_channel.ts"
import { type Published, watchChannel } from "./_db.ts"
import { describeMysql, type MysqlCall, tellMysql } from "./_mysql.ts"

/** What mysql2 publishes: the text has the values in their places, where `query` was called. */
export type MysqlQuery = MysqlCall & Published

type Resume = (start: () => void) => void

const run: Resume = (start) => start()

/** Traces mysql2, from 3.20, its promises, pools and clusters too: a span for each query and each execution. */
export const mysql2Integration: Integration<MysqlQuery> = {
  name: "mysql2",

  watch(trace, report: Report = ignore) {
    // A query that has waited for a connection of the pool is made by whoever gives that connection back, in their context.
    const caller = Symbol("caller")
    type Wait = MysqlQuery & { [caller]?: Resume }
    const resumed: (Resume | undefined)[] = []
    const resume: Resume = (start) => (resumed.at(-1) ?? run)(start)
    return undoAll([
      watchChannel("mysql2:query", trace, report, { resume }),
      watchChannel("mysql2:execute", trace, report, { resume }),
      subscribe<Wait>("tracing:mysql2:pool:connect:start", (wait) => void (wait[caller] = trace.capture?.() ?? run), report),
      subscribe<Wait>(
        "tracing:mysql2:pool:connect:asyncStart",
        (wait) => {
          resumed.push(wait[caller])
          // The query that has waited for it is never made.
          if (wait.error) resume(() => trace.begin?.(wait)?.(wait.error))
        },
        report,
      ),
      subscribe<Wait>("tracing:mysql2:pool:connect:asyncEnd", () => void resumed.pop(), report),
    ])
  },

  describe: (call) => describeMysql(call),

  tell: tellMysql,
}
