import { fileURLToPath } from "node:url"
import { functions } from "./bundles.ts"

/** One way to write a handler. */
export interface Shape {
  readonly name: string
  readonly handler: string
  readonly taskRoot: string
  /** What it is compared with; default: the same handler without the layer. */
  readonly reference?: string
  /** Outgoing calls of an invocation, on aws-lambda-ric 3 and 4. */
  readonly calls: readonly [number, number]
  /** Where no invocation gets as far as the handler: what there is to trace is the init, and nothing is ever warm. */
  readonly fails?: "both" | "ric3" | "ric4"
  /** Where the process ends with each invocation: nothing is ever warm. */
  readonly ends?: "ric4"
}

type Extra = Partial<Omit<Shape, "name" | "handler">>

const faulty = fileURLToPath(new URL("../environment/fixtures/", import.meta.url))

function shape(name: string, handler: string, extra: Extra = {}): Shape {
  return { name, handler, taskRoot: functions, calls: [1, 1], ...extra }
}

function broken(name: string, handler: string, fails: Shape["fails"] = "both"): Shape {
  return { name, handler, taskRoot: faulty, calls: [0, 0], ...(fails && { fails }) }
}

const refused: Extra = { calls: [1, 0], fails: "ric4" }

export const shapes: readonly Shape[] = [
  shape("CommonJS .cjs", "common.handler"),
  shape("CommonJS .js, no type", "untyped.handler"),
  shape("CommonJS .js, type: commonjs", "plain/index.handler"),
  shape("ESM .mjs", "esm.handler"),
  shape("ESM .js, type: module", "module/index.handler"),
  shape("nested path src/api/index.main", "src/api/index.main"),
  shape("nested export a.b.c, CommonJS", "nested.a.b.c"),
  shape("nested export a.b.c, ESM", "nested-esm.a.b.c"),
  shape("top-level await", "top-level-await.handler"),
  shape("default export, ESM", "default.default"),
  // Version 4 finds the whole `module.exports` under that name.
  shape("default export, CommonJS", "default-common.default", refused),
  // Only aws-lambda-ric 4 looks into the default export.
  shape("handler on the default export", "default-object.handler", { calls: [0, 1], fails: "ric3" }),
  shape("esbuild bundle, CommonJS, getters", "dist/bundle.handler"),
  shape("esbuild bundle, ESM", "dist/bundled.handler"),
  shape("TypeScript types stripped", "ts/index.handler"),
  shape("TypeScript types stripped, CommonJS", "ts-common/index.handler"),
  shape("code wrapper inside, CommonJS", "wrapped.handler", { reference: "common.handler" }),
  shape("code wrapper inside, ESM", "wrapped-esm.handler", { reference: "esm.handler" }),
  shape("opentracing from the layer, CommonJS", "opentracing.handler", { reference: "same.handler" }),
  shape("opentracing from the layer, ESM", "opentracing-esm.handler", { reference: "same.handler" }),
  shape("callback", "legacy.callback", refused),
  shape("callback, waits for the empty loop", "legacy.callbackWaits", refused),
  shape("callback, does not wait", "legacy.callbackDoesNotWait", refused),
  shape("callback with an error", "legacy.callbackError", refused),
  shape("callback that never comes", "legacy.callbackNever", refused),
  shape("context.succeed", "legacy.succeed", { calls: [1, 0] }),
  shape("context.fail", "legacy.fail", { calls: [1, 0] }),
  shape("context.done", "legacy.done", { calls: [1, 0] }),
  shape("synchronous value", "legacy.syncValue", { calls: [0, 0] }),
  shape("never settles", "legacy.never", { ends: "ric4" }),
  shape("throws at once", "legacy.throws", { calls: [0, 0] }),
  shape("rejects later", "legacy.rejects"),
  shape("stream in parts", "streaming.parts"),
  shape("stream from a pipeline", "streaming.piped"),
  shape("stream with metadata", "streaming.metadata"),
  shape("stream that fails midway", "streaming.midway"),
  shape("stream that ends before the promise", "streaming.lasting"),
  shape("stream marked by both symbols", "streaming.marked"),
  shape("stream from a pipeline with metadata", "streaming-more.metadataPiped"),
  shape("stream with metadata that fails midway", "streaming-more.metadataMidway"),
  shape("stream that fails before its first byte", "streaming-more.early"),
  shape("middy", "middy.handler"),
  shape("middy around our wrapper", "middy-outside.handler", { reference: "middy-plain.handler" }),
  shape("our wrapper around middy", "middy-inside.handler", { reference: "middy-plain-inside.handler" }),
  shape("Hono", "hono.handler"),
  shape("Hono, streaming", "hono.stream"),
  shape("our wrapper around Hono", "hono-inside.handler", { reference: "hono.handler" }),
  shape("our wrapper around Hono, streaming", "hono-inside.stream", { reference: "hono.stream" }),
  shape("Express by serverless-http", "express.handler"),
  shape("our wrapper around serverless-http", "express-inside.handler", { reference: "express.handler" }),
  shape("Powertools logger", "powertools.handler"),
  shape("our wrapper around Powertools", "powertools-inside.handler", { reference: "powertools.handler" }),
  shape("Powertools around our wrapper", "powertools-outside.handler", { reference: "powertools-plain.handler" }),
  broken("missing file", "not-there.handler"),
  broken("missing export", "module.nope"),
  broken("not a function", "shapes.notFunction"),
  broken("syntax error, CommonJS", "syntax.handler"),
  broken("syntax error, ESM", "broken.handler"),
  broken("throws at load", "throws.handler"),
  broken("missing dependency, CommonJS", "missing.handler"),
  broken("missing dependency, ESM", "missing-esm.handler"),
]
