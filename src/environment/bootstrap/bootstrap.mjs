// A Lambda runtime client in plain JavaScript, for running functions locally without AWS's native one. What a handler can see of it
// is meant to equal aws-lambda-ric: version 3 on Node 22, version 4 on Node 24 and for Managed Instances. test/environment compares.
// Built-in modules come from process.getBuiltinModule throughout: an import of `node:http` in an ES module costs 40 ms of cold start.
if (!process.getBuiltinModule) {
  // Node before 20.16 and 22.3.
  const { createRequire } = await import("node:module")
  Object.defineProperty(process, "getBuiltinModule", { value: createRequire(import.meta.url) })
}
const concurrent = process.env.AWS_LAMBDA_MAX_CONCURRENCY !== undefined
const major = Number.parseInt(process.versions.node, 10)

if (major >= 24 || concurrent) {
  const { start } = await import("./generation-4.mjs")
  // Not awaited: when nothing is left to do Node has to end with status 0, not complain about an unsettled top-level await.
  start(concurrent, import.meta.url)
} else {
  const { start } = await import("./generation-3.mjs")
  await start()
}
