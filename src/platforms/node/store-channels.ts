/** What the clients of stores publish first of a call, in the context of its caller, by integration. */
export const storeChannels: Readonly<Record<StoreName, readonly string[]>> = {
  redis: ["tracing:node-redis:command:start", "tracing:node-redis:batch:start"],
  ioredis: ["tracing:ioredis:command:start", "tracing:ioredis:batch:start"],
  mysql2: ["tracing:mysql2:query:start", "tracing:mysql2:execute:start", "tracing:mysql2:pool:connect:start"],
}

export type StoreName = "redis" | "ioredis" | "mysql2"
