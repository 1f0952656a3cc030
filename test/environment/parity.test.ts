// Our bootstrap against AWS's clients: the same handler, the same bytes at the Runtime API and in the log.
import { describe, expect, test } from "vitest"
import type { EnvironmentOptions, Invocation, InvokeOptions, Runtime } from "../../src/environment/contracts.ts"
import { runtimes } from "../runtimes/runtimes.ts"
import { normal } from "./_normal.ts"
import { open } from "./_open.ts"

const results =
  "object nothing nullish text number boolean buffer bigint circular toJsonThrows large tooLarge syncValue syncNothing thenable later self counts"
const shapes = "nested.deep.handler Klass.handler notFunction noArguments rest file missingExport"
const callbacks =
  "callback callbackLater callbackNothing callbackError callbackText callbackObject callbackTwice callbackWaits callbackDoesNotWait callbackCircular callbackAndPromise callbackThrows callbackNever done doneError succeed succeedTwice fail failNothing never neverSync"
const thrown =
  "throwSync throwAsync rejectLater throwText throwUndefined throwNull throwNumber throwObject throwLikeError throwNoStack throwStrangeStack throwUnreadable throwSymbol throwCause throwCircular throwUnicode"
const deaths = "uncaught unhandled unhandledText exitZero exitThree killed terminated"
const surroundings = "context globals store logs"
const streams =
  "parts piped objects endOnly http highWaterMark throwsFirst throwsMidway throwsText notAsync returnsValue lateContentType surface context exits marked"
const files = [
  "module.handler module.onDefault module.nope script.handler common/script.handler common/bare.handler deep/er/index.handler folder.handler",
  "itself.handler common/syntax.handler broken.handler missing.handler missing-esm.handler throws.handler throws-text.handler",
  "not-there.handler ../fixtures/module.handler requires-esm.handler exits.handler",
].join(" ")

const sent: InvokeOptions = {
  requestId: "11111111-2222-3333-4444-555555555555",
  traceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
  clientContext: { custom: { word: "žluťoučký" } },
  cognitoIdentity: { cognitoIdentityId: "id", cognitoIdentityPoolId: "pool" },
}

// The last: what only one generation can be asked. Version 3 dies of a ReferenceError of its own over a wrong mark.
const generations = [
  ["Node 22, aws-lambda-ric 3", runtimes.ric3, runtimes.own22, []],
  ["Node 24, aws-lambda-ric 4", runtimes.ric4, runtimes.own24, ["streams.wronglyMarked"]],
] as const

describe.each(generations)("%s", (_name, aws, own, more) => {
  const handlers = [
    ...[results, shapes, callbacks, thrown, deaths, surroundings]
      .join(" ")
      .split(" ")
      .map((name) => `shapes.${name}`),
    ...streams.split(" ").map((name) => `streams.${name}`),
    ...files.split(" "),
    ...more,
  ]
  test.each(handlers)("answers alike for %s", async (handler) => {
    await alike(aws, own, handler)
  })

  test("logs alike as JSON", async () => {
    for (const handler of ["shapes.logs", "shapes.throwAsync", "shapes.missingExport", "missing.handler"]) {
      await alike(aws, own, handler, { env: { AWS_LAMBDA_LOG_FORMAT: "JSON" } })
    }
  })

  test("keeps to the log level alike", async () => {
    await alike(aws, own, "shapes.logs", { env: { AWS_LAMBDA_LOG_LEVEL: "warn" } })
  })

  test("hides awslambda alike", async () => {
    await alike(aws, own, "shapes.globals", { env: { AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA: "1" } })
  })

  test("fails alike for an event that is not JSON", async () => {
    await alike(aws, own, "shapes.object", {}, Buffer.from("{"))
  })

  test("passes the tenant on alike", async () => {
    await alike(aws, own, "shapes.context", {}, {}, { ...sent, tenantId: "tenant-1" })
  })

  test("does without a trace alike", async () => {
    await alike(aws, own, "shapes.globals", {}, {}, { ...sent, traceHeader: "" })
  })
})

async function alike(
  aws: Runtime,
  own: Runtime,
  handler: string,
  options: Partial<EnvironmentOptions> = {},
  event: unknown = { n: 1 },
  invokeOptions: InvokeOptions = sent,
): Promise<void> {
  const run = async (runtime: Runtime): Promise<unknown[]> => {
    const env = { AWS_LAMBDA_LOG_STREAM_NAME: "stream", ...options.env }
    const environment = open(runtime, handler, { timeoutMs: 1500, ...options, env })
    const invocations: Invocation[] = []
    // Twice: what the first leaves behind shows in the second.
    for (let count = 0; count < 2; count++) invocations.push(await environment.invoke(event, invokeOptions))
    await environment.close()
    return invocations.map((invocation) => normal(invocation, runtime))
  }
  const [theirs, ours] = await Promise.all([run(aws), run(own)])
  expect(ours).toEqual(theirs)
}
