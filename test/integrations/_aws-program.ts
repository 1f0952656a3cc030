import { execFile } from "node:child_process"
import { existsSync, mkdirSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { requireClients } from "./fixtures/aws/place.mjs"

export const FORMS = ["esm", "cjs", "esm-bundled", "cjs-bundled"] as const
export type Form = (typeof FORMS)[number]

export interface PlainSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly operationName: string
  readonly tags: Readonly<Record<string, unknown>>
  readonly logs: readonly Readonly<Record<string, unknown>>[]
}

/** Builds a program of the fixtures in the four forms that people deploy, beside the clients that it calls. Gives its file. */
export async function buildProgram(name: string, form: Form): Promise<string> {
  const folder = requireClients()
  const [format, bundled] = form.split("-") as ["esm" | "cjs", string?]
  const outfile = join(folder, "built", `${name}-${form}.${format === "esm" ? "mjs" : "cjs"}`)
  mkdirSync(join(folder, "built"), { recursive: true })
  await build({
    entryPoints: [fileURLToPath(new URL(`fixtures/aws/${name}.ts`, import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    target: "node22",
    format,
    minify: bundled !== undefined,
    nodePaths: [join(folder, "node_modules"), fileURLToPath(new URL("../../node_modules", import.meta.url))],
    external: bundled === undefined ? ["@aws-sdk/*", "@smithy/*", "aws-sdk"] : [],
    define: { ANTIFREEZE_VERSION: '"test"' },
    banner: format === "esm" ? { js: 'import { createRequire } from "node:module";const require = createRequire(import.meta.url);' } : {},
    logLevel: "error",
  })
  return outfile
}

/** The Node versions of Lambda. */
export const NODES: Readonly<Record<string, string>> = {
  22: join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "antifreeze/node-22.23.3/node_modules/node/bin/node"),
  24: fileURLToPath(new URL("../../node_modules/node/bin/node", import.meta.url)),
}

/** Runs a built program, and gives what it printed: JSON. */
export function runProgram<T>(
  file: string,
  node: string,
  setup: unknown,
  env: NodeJS.ProcessEnv = {},
): Promise<{ result: T; stderr: string }> {
  if (!existsSync(node)) throw new Error(`[antifreeze] ${node} is missing. Run: node test/runtimes/install.mjs`)
  return new Promise((resolve, reject) => {
    const lambda = { AWS_LAMBDA_FUNCTION_NAME: "caller", AWS_REGION: "eu-west-1" }
    const options = {
      env: { PATH: process.env["PATH"], ...lambda, ...env, SETUP: JSON.stringify(setup) },
      maxBuffer: 64 * 1024 * 1024,
      timeout: 60_000,
    }
    execFile(node, [file], options, (error, stdout, stderr) => {
      if (error) return reject(new Error(`${error.message}\n${stderr}`))
      resolve({ result: JSON.parse(stdout) as T, stderr })
    })
  })
}
