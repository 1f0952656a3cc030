import { fileURLToPath } from "node:url"
import { build } from "esbuild"

export const functions: string = fileURLToPath(new URL("./fixtures/functions/", import.meta.url))

/** One file each, minified, as deployment tools make them; the exports of the CommonJS one are getters that cannot be redefined. */
export async function buildBundles(): Promise<void> {
  const common = {
    bundle: true,
    minify: true,
    platform: "node",
    target: "node22",
    outdir: `${functions}dist`,
    logLevel: "warning",
  } as const
  await Promise.all([
    build({ ...common, entryPoints: { bundle: `${functions}esm.mjs`, sdk: `${functions}sdk.cjs` }, format: "cjs" }),
    build({ ...common, entryPoints: { bundled: `${functions}esm.mjs` }, format: "esm", outExtension: { ".js": ".mjs" } }),
    build({
      ...common,
      entryPoints: { mapped: `${functions}ts/throws.ts` },
      format: "esm",
      outExtension: { ".js": ".mjs" },
      sourcemap: true,
    }),
    build({
      ...common,
      entryPoints: { "mapped-inside": `${functions}ts/throws.ts` },
      format: "cjs",
      sourcemap: "inline",
    }),
  ])
}
