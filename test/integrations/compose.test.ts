import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { parse } from "yaml"

// Docker is not everywhere: what can be told without it is that the file says what the set-up and the tests need.

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, null>>
}
interface Service {
  readonly image: string
  readonly working_dir: string
  readonly volumes: readonly string[]
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly ports?: unknown
  readonly environment?: unknown
}

const here = fileURLToPath(new URL("./", import.meta.url))
const root = join(here, "../..")
const { services, volumes } = parse(readFileSync(join(here, "compose.yml"), "utf8")) as Compose
const tests = services["tests"] as Service

it("has one container, in which the tests start their servers on ports of their own", () => {
  expect(Object.keys(services)).toEqual(["tests"])
  // On Debian: the servers are its packages.
  expect(tests.image).toMatch(/^node:24-bookworm$/)
  expect([tests.ports, tests.environment]).toEqual([undefined, undefined])
})

it("mounts the repository, and keeps each folder that is installed in a volume of the container's", () => {
  const mounted = tests.volumes.map((volume) => volume.split(":") as [string, string])
  expect(mounted.shift()).toEqual(["../..", tests.working_dir])
  expect(mounted.map(([name]) => name).toSorted()).toEqual(Object.keys(volumes).toSorted())
  const folders = mounted.map(([, folder]) => folder).filter((folder) => folder.endsWith("/node_modules"))
  const set = readFileSync(join(here, "install-stores.mjs"), "utf8")
  const clients = [...(/for \(const name of \[(.*?)\]\)/.exec(set)?.[1] ?? "").matchAll(/"(.*?)"/g)].map(([, name]) => name)
  expect(clients.length).toBeGreaterThan(0)
  expect(folders.toSorted()).toEqual(
    ["", ...clients.map((name) => `/test/integrations/fixtures/${name}`)]
      .map((folder) => `${tests.working_dir}${folder}/node_modules`)
      .toSorted(),
  )
})

it("sets up what the tests need, then runs what it is told", () => {
  const [shell, flag, script = "", name] = tests.entrypoint
  expect([shell, flag, name]).toEqual(["sh", "-c", "sh"])
  expect(script).toMatch(/^npm ci && node (\S+) && exec "\$@"$/)
  const [, setUp = ""] = /node (\S+)/.exec(script) ?? []
  const [runner, , command, folder = ""] = tests.command
  expect([runner, command]).toEqual(["npx", "run"])
  expect([setUp, folder].map((path) => existsSync(join(root, path)))).toEqual([true, true])
})
