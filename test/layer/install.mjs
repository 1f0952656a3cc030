// Installs what the functions in test/layer/fixtures import: `node test/layer/install.mjs`. Seconds the first time, nothing after that.
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const folder = fileURLToPath(new URL("./fixtures/", import.meta.url))
const lock = readFileSync(join(folder, "package-lock.json"), "utf8")
const complete = join(folder, "node_modules/.complete")

if (existsSync(complete) && readFileSync(complete, "utf8") === lock) {
  console.log("The packages of the layer's tests are installed.")
} else {
  console.log("Installing the packages of the layer's tests")
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] })
  // Last: its presence says that all the rest is there.
  writeFileSync(complete, lock)
}
