import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
/** As it is installed, with the layer's zips beside it. */
export const installed: string = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url))

/** Runs the command line tool with these arguments and no environment but this one. */
export function run(argv: readonly string[], env: Readonly<Record<string, string>> = {}, file: string = main): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { env: { PATH: process.env["PATH"] ?? "", AWS_EC2_METADATA_DISABLED: "true", ...env } }
    execFile(process.execPath, [file, ...argv], options, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr })
    })
  })
}
