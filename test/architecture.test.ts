import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, test } from "vitest"

// DESIGN.md, "Who may import whom".
const src = fileURLToPath(new URL("../src/", import.meta.url))
const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))

/** For each folder, what else its files may import at run time; types may come from anywhere. */
const allowed: Record<string, RegExp> = {
  core: /^(core\/|opentracing\/)/,
  otlp: /^(otlp\/|core\/contracts)/,
  exporters: /^(exporters\/|otlp\/|core\/)/,
  triggers: /^(triggers\/|core\/)/,
  integrations: /^(integrations\/_|core\/(redact|http-method|propagation\/))/,
  platforms: /^(platforms\/|triggers\/|integrations\/|exporters\/|otlp\/encode|core\/|version|opentracing\/|node:async_hooks)/,
  // Runs in the build, not in the function.
  "platforms/esbuild": /^(platforms\/|integrations\/|node:)/,
  viewer: /^(viewer\/|otlp\/|node:)/,
  environment: /^(environment\/|node:)/,
}

interface Import {
  readonly file: string
  readonly target: string
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), "utf8")
  const statements = text.matchAll(/^(?:import|export) (?!type )(?:[^"'`;]*? from )?"([^"]+)"/gm)
  return [...statements].map(([, specifier = ""]) => {
    const target = specifier.startsWith(".") ? relative(src, join(src, dirname(file), specifier)) : specifier
    return { file, target }
  })
}

/** The innermost folder that has a rule. */
function folderOf(file: string): string | undefined {
  const folders = Object.keys(allowed).filter((folder) => file.startsWith(`${folder}/`))
  return folders.sort((a, b) => b.length - a.length)[0]
}

function codeOf(file: string): string {
  return readFileSync(join(src, file), "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")
}

describe("architecture", () => {
  test.each(Object.entries(allowed))("%s imports only what it may", (folder, pattern) => {
    const mine = files.filter((file) => folderOf(file) === folder)
    expect(mine.length).toBeGreaterThan(0)
    expect(mine.flatMap(importsOf).filter(({ target }) => !pattern.test(target))).toEqual([])
  })

  test("core knows no runtime: no process, no fetch, no node: modules", () => {
    const core = files.filter((file) => file.startsWith("core/"))
    const guilty = core.filter((file) => /\bprocess\.|\bfetch\(|"node:/.test(codeOf(file)))
    expect(guilty).toEqual([])
  })

  test("no file reaches itself through its imports", () => {
    const graph = new Map(files.map((file) => [file, importsOf(file).map(({ target }) => target)]))
    const circles: string[] = []
    const walk = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) {
        circles.push([...path.slice(path.indexOf(file)), file].join(" -> "))
        return
      }
      for (const target of graph.get(file) ?? []) if (graph.has(target)) walk(target, [...path, file])
    }
    for (const file of files) walk(file, [])
    expect([...new Set(circles)]).toEqual([])
  })
})
