import type { Limits } from "./contracts.ts"

export const DEFAULT_LIMITS: Limits = { tags: 128, valueLength: 12_000, logs: 128, links: 128, spans: 2048, bytes: 4 * 1024 * 1024 }
