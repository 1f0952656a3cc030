// The CPU that tracing adds to one call of AWS: `node test/integrations/bench-aws-call.ts`. The server is another process; blocks with and
// without tracing take turns, in one process that never changes otherwise.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { cpus } from "node:os"
import { join } from "node:path"
import { Batch } from "../../src/core/batch.ts"
import { traceFor } from "../../src/core/trace.ts"
import { httpClient, withAws } from "../../src/integrations/aws-sdk.ts"
import { httpIntegration } from "../../src/integrations/http.ts"
import { createTracer } from "../../src/platforms/node/node-tracer.ts"
import { requireClients } from "./fixtures/aws/place.mjs"

const LIMIT_US = 60
const [PAIRS, CALLS] = [150, 20]

/** What is used of the client: it is installed apart from the project. */
interface DynamoDb {
  readonly DynamoDBClient: new (options: object) => { send(command: object): Promise<unknown> }
  readonly GetItemCommand: new (input: object) => object
}

const server = `
const { createServer } = require("node:http")
const body = '{"Item":{"id":{"S":"1"}},"ConsumedCapacity":{"TableName":"orders","CapacityUnits":0.5}}'
const server = createServer((request, response) => request.resume().on("end", () => response.setHeader("content-length", body.length).setHeader("x-amzn-requestid", "r").end(body)))
server.listen(0, "127.0.0.1", () => console.log(server.address().port))`
const child = spawn(process.execPath, ["-e", server], { stdio: ["ignore", "pipe", "inherit"] })
const [port] = (await once(child.stdout, "data")) as [Buffer]
const { DynamoDBClient, GetItemCommand }: DynamoDb = createRequire(join(requireClients(), "package.json"))("@aws-sdk/client-dynamodb")
const credentials = { accessKeyId: "a", secretAccessKey: "b" }
const client = new DynamoDBClient({ region: "eu-west-1", endpoint: `http://127.0.0.1:${Number(String(port))}`, credentials })
const call = () => client.send(new GetItemCommand({ TableName: "orders", Key: { id: { S: "1" } }, ReturnConsumedCapacity: "TOTAL" }))

const tracer = createTracer({})
const integration = withAws(httpIntegration, httpClient)
let spans = 0
let tagCount = 0

integration.watch(traceFor(tracer.scopeManager, integration, tracer.report))

async function block(isTraced: boolean): Promise<number> {
  const batch = new Batch(tracer.limits, "id")
  const root = isTraced ? tracer.startSpan("root", { ignoreActiveSpan: true, sink: batch }) : undefined
  const calls = async () => {
    for (let n = 0; n < CALLS; n++) await call()
  }
  const before = process.cpuUsage()
  // Without an active span nothing is traced, as in a program without us: that this alone costs nothing is measured, too.
  if (root === undefined) await calls()
  else await tracer.scopeManager.run(root, calls)
  root?.finish()
  const records = batch.close(tracer.loose)
  // A span takes its tags in when they are first read: that belongs to the call, too.
  for (const { tags } of records) tagCount += tags.size
  const { user, system } = process.cpuUsage(before)
  spans += Math.max(0, records.length - 1)
  return (user + system) / CALLS
}

const quantile = (values: readonly number[], part: number) => values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? 0
const median = (values: readonly number[]) => quantile(values, 0.5)

for (let n = 0; n < 100; n++) await block(n % 2 === 0)
spans = tagCount = 0
const pairs: { plainUs: number; tracedUs: number }[] = []
for (let n = 0; n < PAIRS; n++) {
  const first = n % 2 === 0
  const one = await block(first)
  const two = await block(!first)
  pairs.push(first ? { tracedUs: one, plainUs: two } : { tracedUs: two, plainUs: one })
}
child.kill()
const addedUs = median(pairs.map(({ plainUs, tracedUs }) => tracedUs - plainUs))
const plainUs = median(pairs.map((pair) => pair.plainUs))
// Where other programs share the processor they take its caches too: the least disturbed tenth of the blocks is nearest to a function's own.
const [plainAtBest, tracedAtBest] = [pairs.map((pair) => pair.plainUs), pairs.map((pair) => pair.tracedUs)].map((all) => quantile(all, 0.1))
const undisturbedUs = (tracedAtBest ?? 0) - (plainAtBest ?? 0)
const result = {
  node: process.version,
  cpu: cpus()[0]?.model,
  calls: PAIRS * CALLS,
  spans,
  tags: tagCount / spans,
  plainUs: Math.round(plainUs),
  addedUs: Math.round(addedUs * 10) / 10,
  undisturbedUs: Math.round(undisturbedUs * 10) / 10,
  limitUs: LIMIT_US,
  pairs,
}
mkdirSync(new URL("../results/", import.meta.url), { recursive: true })
writeFileSync(
  new URL(`../results/bench-aws-call-node${process.versions.node.split(".")[0]}.json`, import.meta.url),
  `${JSON.stringify(result, null, 1)}\n`,
)
console.log(
  `one call of DynamoDB: ${result.plainUs} µs of CPU; tracing adds ${result.addedUs} µs (median of ${PAIRS} pairs of ${CALLS} calls; limit ${LIMIT_US}), ${result.undisturbedUs} in the least disturbed tenth; ${spans} spans`,
)
process.exitCode = addedUs < LIMIT_US && spans === PAIRS * CALLS ? 0 : 1
