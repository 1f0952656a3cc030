// Writes dist/edge/: the entries of the runtimes that are not Node, as ES modules: nothing there resolves CommonJS.
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { build } from "esbuild"

/** `cloudflare` is for workerd, `web` for Vercel's edge, Netlify, Deno and Bun, `edge` the smallest, by its own name. */
export const edgeEntries = ["cloudflare", "web", "edge"]

/** What a Worker gets another file of, by a name that Node has too; its types are those of Node. */
export const inWorkers = ["mysql2", "pg", "postgres"]

export async function buildEdge({ external, define }, src, dist) {
  const outdir = join(dist, "edge")
  mkdirSync(outdir, { recursive: true })
  writeFileSync(join(outdir, "package.json"), `${JSON.stringify({ type: "module" })}\n`)
  const common = {
    bundle: true,
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    format: "esm",
    minify: true,
    legalComments: "none",
    external: [...external, "node:*", "cloudflare:*"],
    define,
    outdir,
  }
  // What they share is in the package once. Not so for the smallest: it would be larger in a Worker.
  const entryPoints = [src("cloudflare.ts"), src("web.ts"), ...inWorkers.map((name) => src(`platforms/cloudflare/${name}.ts`))]
  await Promise.all([
    build({ ...common, entryPoints, entryNames: "[name]", splitting: true, chunkNames: "[hash]" }),
    build({ ...common, entryPoints: [src("edge.ts")] }),
  ])
}
