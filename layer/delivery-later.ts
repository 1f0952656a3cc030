// Stands for the modules of delivery.ts in the bundle that every cold start loads.
import type { Exporter } from "../src/core/contracts.ts"
import type { OtlpOptions, Post } from "../src/exporters/otlp.ts"
import type { PostOptions } from "../src/platforms/node/post.ts"
import type * as Delivery from "./delivery.ts"

declare const require: (id: string) => typeof Delivery

export function createOtlpExporter(options: OtlpOptions): Exporter {
  let exporter: Exporter | undefined
  return {
    export(spans, deadlineMs) {
      exporter ??= require("./delivery.cjs").createOtlpExporter(options)
      return exporter.export(spans, deadlineMs)
    },
  }
}

export function createPost(options: PostOptions): Post {
  return require("./delivery.cjs").createPost(options)
}
