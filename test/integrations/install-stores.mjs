// Installs what the tests of the data stores need: `node test/integrations/install-stores.mjs`. The clients come from npm, into
// fixtures/stores and fixtures/stores-older; the servers from Debian's packages. Nothing to do when all is there.
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { programOf, programs } from "./stores.mjs"

const fixtures = join(dirname(fileURLToPath(import.meta.url)), "fixtures")
for (const name of ["stores", "stores-older"]) installClients(join(fixtures, name))
installServers()
console.log("The stores are ready.")

function installClients(folder) {
  const complete = join(folder, "node_modules/.complete")
  const lock = readFileSync(join(folder, "package-lock.json"), "utf8")
  if (existsSync(complete) && readFileSync(complete, "utf8") === lock) return
  console.log("Installing the clients from npm")
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
  writeFileSync(complete, lock)
}

function installServers() {
  const missing = missingPackages()
  if (missing.length === 0) return
  const list = missing.join(", ")
  if (!existsSync("/etc/debian_version") || process.getuid?.() !== 0) {
    stop(`The tests start real servers, and these are missing: ${list}. Install them (Debian's names) and run this again, or run the
tests where they can be installed: docker compose -f test/integrations/compose.yml run --rm tests`)
  }
  console.log(`Installing with apt-get: ${list}`)
  // Debian starts a server when it is installed, on its well-known port; the tests start their own, on ports of their own.
  const policy = "/usr/sbin/policy-rc.d"
  const ours = !existsSync(policy)
  if (ours) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 })
  try {
    run("apt-get", ["update"])
    run("apt-get", ["install", "-y", "--no-install-recommends", ...missing], "/", { ...process.env, DEBIAN_FRONTEND: "noninteractive" })
  } finally {
    if (ours) rmSync(policy)
  }
  const still = missingPackages()
  if (still.length) stop(`apt-get did not bring ${still.join(", ")}.`)
}

function missingPackages() {
  return [
    ...new Set(
      Object.keys(programs)
        .filter((name) => programOf(name) === undefined)
        .map((name) => programs[name]),
    ),
  ]
}

function run(command, args, cwd = "/", env = process.env) {
  try {
    execFileSync(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], maxBuffer: 256 * 1024 * 1024 })
  } catch (error) {
    console.error(`${error.stdout ?? ""}${error.stderr ?? ""}`.slice(-6000))
    stop(`"${command} ${args.join(" ")}" failed: ${error.code ?? `status ${error.status}`}.`)
  }
}

function stop(message) {
  console.error(`[antifreeze] ${message}`)
  process.exit(1)
}
