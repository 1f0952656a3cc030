import type { AnyIntegration } from "../../integrations/_patch.ts"
import { ioredisIntegration } from "../../integrations/ioredis.ts"
import { mysql2Integration } from "../../integrations/mysql2.ts"
import { redisIntegration } from "../../integrations/redis.ts"
import type { StoreName } from "./store-channels.ts"

/** The integration of that name. */
export function store(name: StoreName): AnyIntegration {
  return { redis: redisIntegration, ioredis: ioredisIntegration, mysql2: mysql2Integration }[name] as AnyIntegration
}
