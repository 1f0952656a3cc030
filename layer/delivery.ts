// What only a delivery needs: loaded with the first one, when the response is out. See "later" in scripts/build-layer.mjs.
export { createOtlpExporter } from "../src/exporters/otlp.ts"
export { createPost } from "../src/platforms/node/post.ts"
