import type { Integration } from "../../src/core/contracts.ts"
import { olderIoredis } from "../../src/integrations/_ioredis-older.ts"
import { olderMysql2 } from "../../src/integrations/_mysql2-older.ts"
import type { AnyIntegration } from "../../src/integrations/_patch.ts"
import { olderRedis } from "../../src/integrations/_redis-older.ts"

export const teachers: Record<"ioredis" | "mysql2" | "redis", AnyIntegration> = {
  ioredis: olderIoredis,
  mysql2: olderMysql2,
  redis: olderRedis,
}

/** A library's integration, with what its versions before the tracing channel need: both are watched in a function. */
export function older<Call, Result>(integration: Integration<Call, Result>, library: keyof typeof teachers): Integration<Call, Result> {
  return {
    ...integration,
    watch(...args) {
      const undos = [integration.watch(...args), teachers[library].watch(...args)]
      return () => {
        for (const undo of undos.toReversed()) undo()
      }
    },
  }
}
