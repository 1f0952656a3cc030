import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Runtime } from "./contracts.ts"
import { nodeMajor } from "./function-env.ts"

const folder = fileURLToPath(new URL("./bootstrap/", import.meta.url))

/** Our own runtime client, which needs nothing installed: behaves as AWS's does on the Node.js version of `node`. */
export function ownRuntime(node: string = process.execPath): Runtime {
  return { node, bootstrap: [join(folder, "bootstrap.mjs")], name: `own bootstrap on Node ${nodeMajor(node)}` }
}

/** AWS's runtime client: `client` is the folder of an installed `aws-lambda-ric`, version 3 or 4. */
export function awsRuntime(client: string, node: string = process.execPath): Runtime {
  const version = versionOf(client)
  // Version 4 starts by itself and takes the handler from the environment, as on AWS. Version 3's own program wants it as an argument.
  const bootstrap = Number.parseInt(version, 10) >= 4 ? [join(client, "index.mjs")] : [join(folder, "aws-3.mjs"), client]
  return { node, bootstrap, name: `aws-lambda-ric ${version} on Node ${nodeMajor(node)}` }
}

function versionOf(client: string): string {
  let cause: unknown
  try {
    const { name, version } = JSON.parse(readFileSync(join(client, "package.json"), "utf8")) as { name?: string; version?: string }
    if (name === "aws-lambda-ric" && version) return version
  } catch (error) {
    cause = error
  }
  throw new Error(
    `[antifreeze] ${client} is not a folder of aws-lambda-ric. Install it with npm and give .../node_modules/aws-lambda-ric.`,
    { cause },
  )
}
