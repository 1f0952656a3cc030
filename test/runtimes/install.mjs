// Installs the real Lambda runtimes that the tests run on: `node test/runtimes/install.mjs`. Runs on Node 20 and later; takes about
// two minutes the first time, as AWS's client is compiled from source, and nothing after that.
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { isComplete, places } from "./places.mjs"

const wanted = Object.values(places).filter((place) => {
  if (isComplete(place)) console.log(`${place.title}: installed in ${place.folder}`)
  return !isComplete(place)
})
if (wanted.some(({ packages }) => packages["aws-lambda-ric"])) requireTools()
for (const place of wanted) install(place)
console.log("The runtimes are ready.")

function install({ title, folder, packages }) {
  const started = Date.now()
  console.log(`${title}: installing in ${folder}`)
  // Whatever a broken-off run has left.
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies: packages }))
  run(folder, "npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"])
  // npm is about to stop running the install scripts of packages unasked: these two are run by name.
  if (packages.node) run(join(folder, "node_modules/node"), "npm", ["run", "preinstall"])
  if (packages["aws-lambda-ric"]) {
    console.log(`${title}: compiling`)
    run(join(folder, "node_modules/aws-lambda-ric"), "npm", ["run", "preinstall"])
    run(join(folder, "node_modules/aws-lambda-ric"), "npm", ["run", "postinstall"])
  }
  // Last: its presence says that all the rest is there.
  writeFileSync(join(folder, "complete"), "")
  console.log(`${title}: done in ${Math.round((Date.now() - started) / 1000)} s`)
}

function run(folder, command, args) {
  try {
    execFileSync(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"], maxBuffer: 256 * 1024 * 1024 })
  } catch (error) {
    console.error(`${error.stdout ?? ""}${error.stderr ?? ""}`.slice(-6000))
    stop(`"${command} ${args.join(" ")}" failed in ${folder}: ${error.code ?? `status ${error.status}`}.`)
  }
}

function requireTools() {
  const missing = missingTools()
  if (missing.length === 0) return
  const list = missing.join(", ")
  if (!existsSync("/etc/debian_version") || process.getuid?.() !== 0) {
    stop(`Compiling aws-lambda-ric needs ${list}, which are missing here. Install them and run this again.`)
  }
  console.log(`Installing with apt-get: ${list}`)
  run("/", "apt-get", ["update"])
  run("/", "apt-get", ["install", "-y", "--no-install-recommends", ...missing, "m4"])
  const still = missingTools()
  if (still.length) stop(`apt-get did not bring ${still.join(", ")}.`)
}

function missingTools() {
  const programs = {
    cmake: "cmake",
    "g++": "g++",
    make: "make",
    autoconf: "autoconf",
    automake: "automake",
    libtool: "libtoolize",
    python3: "python3",
  }
  const folders = (process.env.PATH ?? "").split(":")
  return Object.keys(programs).filter((tool) => !folders.some((folder) => existsSync(join(folder, programs[tool]))))
}

function stop(message) {
  console.error(`[antifreeze] ${message}`)
  process.exit(1)
}
