// Installs the real edge runtimes that the tests run on: `node test/platforms/install.mjs`. Their versions are in the lock file
// beside them. `--peers` also brings the libraries that the benchmark compares with.
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const fixtures = join(dirname(fileURLToPath(import.meta.url)), "fixtures")
install(fixtures, ["bun", "deno", "workerd"])
if (process.argv.includes("--peers")) install(join(fixtures, "peers"), [])
console.log("The edge runtimes are ready.")

function install(folder, scripted) {
  const lock = readFileSync(join(folder, "package-lock.json"), "utf8")
  const mark = join(folder, "node_modules", ".installed")
  if (existsSync(mark) && readFileSync(mark, "utf8") === lock) return console.log(`${folder}: installed`)
  run(folder, "npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
  // npm is about to stop running the install scripts of packages unasked: these are run by name.
  for (const name of scripted) run(join(folder, "node_modules", name), "npm", ["run", "postinstall", "--if-present"])
  writeFileSync(mark, lock)
}

function run(folder, command, args) {
  try {
    execFileSync(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"], maxBuffer: 64 * 1024 * 1024 })
  } catch (error) {
    console.error(`${error.stdout ?? ""}${error.stderr ?? ""}`.slice(-4000))
    console.error(`[antifreeze] "${command} ${args.join(" ")}" failed in ${folder}.`)
    process.exit(1)
  }
}
