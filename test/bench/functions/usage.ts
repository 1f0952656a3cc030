import { withTracing } from "antifreeze"

/** Tells what its process has used so far. */
export const handler: () => Promise<unknown> = withTracing(async () => {
  const { user, system } = process.cpuUsage()
  return { cpuMs: (user + system) / 1000, rssMiB: process.memoryUsage.rss() / 2 ** 20 }
})
