import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { onTestFinished } from "vitest"
import { encodeTraces } from "../../src/otlp/encode.ts"

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export const main: string = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
/** As it is installed, with the layer's zips beside it. */
export const installed: string = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url))

/** Runs the command line tool with these arguments and no environment but this one. */
export function run(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  file: string = main,
  node: string = process.execPath,
): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { env: { PATH: process.env["PATH"] ?? "", AWS_EC2_METADATA_DISABLED: "true", ...env } }
    execFile(node, [file, ...argv], options, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr })
    })
  })
}

export interface Running {
  readonly process: ChildProcessWithoutNullStreams
  /** What it has written so far, to standard output and standard error. */
  output(): string
  errors(): string
}

/** Starts a program that stays up; it is killed when the test ends. */
export function launch(argv: readonly string[], file: string = main, node: string = process.execPath): Running {
  const child = spawn(node, ["--no-warnings", file, ...argv])
  onTestFinished(() => void child.kill("SIGKILL"))
  let [output, errors] = ["", ""]
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text))
  return { process: child, output: () => output, errors: () => errors }
}

/** Sends spans to a collector, as a function would. */
export async function send(url: string, spans: Parameters<typeof encodeTraces>[0]): Promise<void> {
  const body = encodeTraces(spans, new Map([["service.name", "orders"]]), { name: "antifreeze", version: "0" })
  const { status } = await fetch(`${url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body })
  if (status !== 200) throw new Error(`the collector answered ${status}`)
}

export async function until(holds: () => boolean): Promise<void> {
  for (let waitedMs = 0; !holds(); waitedMs += 20) {
    if (waitedMs > 20_000) throw new Error("it never happened")
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
