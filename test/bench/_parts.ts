import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { median } from "./_figures.ts"

/** What the start of a bundled function consists of, in milliseconds: medians over fresh processes, without a Lambda around them. */
export function partsOf(node: string, file: string, times = 15): { kB: number; compile: number; evaluate: number } {
  const runs = Array.from(
    { length: times },
    () => JSON.parse(execFileSync(node, ["-e", PROBE, file], { encoding: "utf8" })) as [number, number],
  )
  return {
    kB: readFileSync(file).length / 1000,
    compile: median(runs.map(([compile]) => compile)),
    evaluate: median(runs.map(([, evaluate]) => evaluate)),
  }
}

/** Compiles as Node's CommonJS loader does, then runs the module; `require` is warm. */
const PROBE = `
  const { readFileSync } = require("node:fs"), { compileFunction } = require("node:vm")
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:4318"
  compileFunction("1", [])
  const code = readFileSync(process.argv[1], "utf8"), t0 = performance.now()
  const run = compileFunction(code, ["exports", "require", "module"], { filename: process.argv[1] }), t1 = performance.now()
  const module_ = { exports: {} }
  run(module_.exports, require, module_)
  console.log(JSON.stringify([t1 - t0, performance.now() - t1]))`
