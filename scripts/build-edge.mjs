// Writes dist/edge/: the entries of the runtimes that are not Node. One file each, as ES modules: nothing there resolves CommonJS.
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { build } from "esbuild"

/** `cloudflare` is for workerd, `web` for Vercel's edge, Netlify, Deno and Bun, `edge` the smallest, by its own name. */
export const edgeEntries = ["cloudflare", "web", "edge"]

export async function buildEdge({ external, define }, src, dist) {
  const outdir = join(dist, "edge")
  mkdirSync(outdir, { recursive: true })
  writeFileSync(join(outdir, "package.json"), `${JSON.stringify({ type: "module" })}\n`)
  await build({
    bundle: true,
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    format: "esm",
    minify: true,
    legalComments: "none",
    external: [...external, "node:*", "cloudflare:*"],
    define,
    entryPoints: edgeEntries.map((name) => src(`${name}.ts`)),
    outdir,
  })
}
