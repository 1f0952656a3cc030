/** The files of libraries that are not in the default set: each hands what it exports to `traced` of `antifreeze/<library>`. */
export const FILES: readonly (readonly [file: string, library: string, handed: string])[] = [
  ["pg/lib/client.js", "pg", "module.exports"],
  ["pg-pool/index.js", "pg", "module.exports"],
  ["mongodb/lib/cmap/connection.js", "mongodb", "module.exports"],
  ["amqplib/lib/channel.js", "amqplib", "module.exports"],
  ["amqplib/lib/channel_model.js", "amqplib", "module.exports"],
  ["amqplib/lib/callback_model.js", "amqplib", "module.exports"],
  ["nats/lib/nats-base-client/nats.js", "nats", "module.exports"],
  ["mqtt/build/lib/client.js", "mqtt", "module.exports"],
  ["memcached/lib/memcached.js", "memcached", "module.exports"],
  ["memjs/lib/memjs/memjs.js", "memjs", "module.exports"],
  ["kafkajs/src/index.js", "kafkajs", "module.exports"],
  ["@grpc/grpc-js/build/src/channel.js", "grpc", "module.exports"],
  ["@elastic/transport/lib/Transport.js", "elasticsearch", "module.exports"],
  ["@elastic/transport/esm/Transport.js", "elasticsearch", "{ default: Transport }"],
  ["@opensearch-project/opensearch/lib/Transport.js", "opensearch", "module.exports"],
  // Version 17 has channels, and only says that it is there; version 16 is patched.
  ["graphql/diagnostics.js", "graphql", "module.exports"],
  ["graphql/diagnostics.mjs", "graphql", "{ parseChannel }"],
  ["graphql/execution/execute.js", "graphql", "module.exports"],
  ["graphql/execution/subscribe.js", "graphql", "module.exports"],
  ["postgres/cjs/src/query.js", "postgres", "module.exports"],
  ["postgres/src/query.js", "postgres", "{ Query }"],
]

export interface KnownFile {
  readonly library: string
  /** What the file's own code calls the thing to be patched. */
  readonly handed: string
}

/** Matches the paths and URLs of all known files, for tools that want a filter. */
export const KNOWN_FILE: RegExp = new RegExp(
  `[\\\\/]node_modules[\\\\/](?:${FILES.map(([file]) => file.replaceAll(".", "\\.").replaceAll("/", "[\\\\/]")).join("|")})$`,
)

/** The known file of a path or URL, if it is one. */
export function knownFile(place: string): KnownFile | undefined {
  // Nearly every module ends here: most have no such name.
  if (!KNOWN_FILE.test(place)) return undefined
  const inModules = place.replaceAll("\\", "/").split("/node_modules/").at(-1)
  const [, library, handed] = FILES.find(([file]) => file === inModules) ?? []
  return library === undefined || handed === undefined ? undefined : { library, handed }
}
