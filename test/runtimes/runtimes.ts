import { existsSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Runtime } from "../../src/environment/contracts.ts"
import { awsRuntime, ownRuntime } from "../../src/environment/runtimes.ts"
import { isComplete, type Place, places } from "./places.mjs"

/** Below the floor: what runs there is untraced. */
export const oldNodes: Record<"16" | "20", string> = { 16: nodeIn(places.node16), 20: nodeIn(places.node20) }

export const node22: string = nodeIn(places.node22)
export const node24: string = fileURLToPath(new URL("../../node_modules/node/bin/node", import.meta.url))
if (!existsSync(node24)) throw new Error(`[antifreeze] ${node24} is missing. Run: npm install`)

/** The four runtimes that everything of ours runs on: AWS's own on Node 22 and 24, and our stand-ins for them. */
export const runtimes: Record<"ric3" | "ric4" | "own22" | "own24", Runtime> = {
  ric3: awsRuntime(clientIn(places.ric3), node22),
  ric4: awsRuntime(clientIn(places.ric4), node24),
  own22: ownRuntime(node22),
  own24: ownRuntime(node24),
}

/** For `describe.each`. */
export const runtimeList: readonly (readonly [name: string, runtime: Runtime])[] = Object.entries(runtimes)

function nodeIn(place: Place): string {
  return join(folderOf(place), "node_modules/node/bin/node")
}

function clientIn(place: Place): string {
  return join(folderOf(place), "node_modules/aws-lambda-ric")
}

function folderOf(place: Place): string {
  // Never a skipped test: without the real runtimes nothing here proves anything.
  if (!isComplete(place)) throw new Error(`[antifreeze] ${place.title} is not installed. Run: node test/runtimes/install.mjs`)
  return place.folder
}
