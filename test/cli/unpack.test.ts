// `antifreeze layer unpack`, for container images.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, onTestFinished, test } from "vitest"
import { oldNodes } from "../runtimes/runtimes.ts"
import { installed, run } from "./_run.ts"

const layer = fileURLToPath(new URL("../../dist/layer", import.meta.url))

/** Name, content, and whether it may be executed. */
function filesIn(folder: string): unknown[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()
  const paths = names.map((name) => [name, join(folder, name)] as const).filter(([, path]) => statSync(path).isFile())
  return paths.map(([name, path]) => [name, readFileSync(path, "utf8"), (statSync(path).mode & 0o100) !== 0])
}

test("unpacks what Lambda mounts as /opt, with its executable bit", async () => {
  const folder = mkdtempSync(join(tmpdir(), "antifreeze-unpack-"))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const { code, stdout } = await run(["layer", "unpack", join(folder, "opt"), "--zip", `${layer}.zip`])
  expect([code, stdout]).toEqual([0, `${join(folder, "opt")}: unpacked\n`])
  expect(filesIn(join(folder, "opt"))).toEqual(filesIn(layer))
  expect(filesIn(layer)[0]).toEqual(["antifreeze", expect.stringContaining("#!/bin/sh"), true])
})

test.each([
  ["this Node", process.execPath],
  ["Node 20", oldNodes[20]],
])("unpacks all of it when asked, on %s", async (_name, node) => {
  const folder = mkdtempSync(join(tmpdir(), "antifreeze-unpack-"))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  expect((await run(["layer", "unpack", folder, "--full"], {}, installed, node)).code).toBe(0)
  const names = (folders: string[]) => folders.flatMap(filesIn).map((file) => JSON.stringify(file))
  expect(names([folder]).sort()).toEqual(names([layer, `${layer}-more`]).sort())
})

test.each([
  ["no folder", [], 2, "one folder is wanted"],
  ["two folders", ["one", "two"], 2, "one folder is wanted"],
  ["no such zip", ["/nowhere", "--zip", "/none.zip"], 2, "/none.zip cannot be read (ENOENT). Give the zip of a layer."],
  ["a folder for a zip", ["/nowhere", "--zip", "/"], 2, "/ cannot be read (EISDIR)"],
  ["not a zip", ["/nowhere", "--zip", fileURLToPath(import.meta.url)], 2, "is not a zip file. Give the zip of a layer."],
  ["two answers to which zip", ["/nowhere", "--full", "--zip", `${layer}.zip`], 2, "--full is about the zips of this package"],
  ["a package without its zips", ["/nowhere"], 2, "layer.zip cannot be read (ENOENT). Install antifreeze again"],
  ["a place where nothing can be made", ["/proc/x/y", "--zip", `${layer}.zip`], 1, "cannot be unpacked into /proc/x/y: ENOENT"],
  ["a file where the folder is to be", [`${layer}.zip`, "--zip", `${layer}.zip`], 1, "layer.zip: EEXIST"],
] as const)("says what is wrong: %s", async (_what, argv, code, message) => {
  const ran = await run(["layer", "unpack", ...argv])
  expect([ran.code, ran.stderr]).toEqual([code, expect.stringContaining(message)])
})
