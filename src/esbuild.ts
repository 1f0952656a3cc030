export { antifreeze } from "./platforms/esbuild/plugin.ts"
