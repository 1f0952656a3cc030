// Where install.mjs puts the runtimes and runtimes.ts finds them. The versions are in the folders' names, so a new one is a new folder.
import { existsSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "antifreeze")

function place(name, version, packages) {
  return { title: `${name} ${version}`, folder: join(cache, `${name}-${version}`), packages }
}

export const places = {
  node16: place("node", "16.20.2", { node: "16.20.2" }),
  node20: place("node", "20.20.2", { node: "20.20.2" }),
  node22: place("node", "22.23.3", { node: "22.23.3" }),
  ric3: place("aws-lambda-ric", "3.3.0", { "aws-lambda-ric": "3.3.0" }),
  ric4: place("aws-lambda-ric", "4.0.2", { "aws-lambda-ric": "4.0.2" }),
}

export function isComplete({ folder }) {
  return existsSync(join(folder, "complete"))
}
