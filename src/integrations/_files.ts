/** What an ES module calls all of its own exports, once `handOver` has made it import them. */
const SELF = "antifreezeSelf"

type FileOf = readonly [file: string, library: string, handed: string]

/**
 * The files of libraries that are not in the default set: each hands what it exports to `traced` of `antifreeze/<library>`. Nothing that
 * is made for the occasion: it is held weakly, and gone before anybody watches.
 */
export const FILES: readonly FileOf[] = [
  ["pg/lib/client.js", "pg", "module.exports"],
  ["pg-pool/index.js", "pg", "module.exports"],
  // Its classes have names of one letter, other ones in each version: it imports itself.
  ["@neondatabase/serverless/index.mjs", "pg", SELF],
  ["@neondatabase/serverless/index.js", "pg", "module.exports"],
  ["mongodb/lib/cmap/connection.js", "mongodb", "module.exports"],
  ["amqplib/lib/channel.js", "amqplib", "module.exports"],
  ["amqplib/lib/channel_model.js", "amqplib", "module.exports"],
  ["amqplib/lib/callback_model.js", "amqplib", "module.exports"],
  ["nats/lib/nats-base-client/nats.js", "nats", "module.exports"],
  ["mqtt/build/lib/client.js", "mqtt", "module.exports"],
  ["memcached/lib/memcached.js", "memcached", "module.exports"],
  ["mysql/lib/Connection.js", "mysql", "module.exports"],
  ["mysql/lib/Pool.js", "mysql", "module.exports"],
  ["mysql/lib/PoolNamespace.js", "mysql", "module.exports"],
  ["mariadb/lib/connection.js", "mariadb", "Connection"],
  ["mariadb/lib/connection-callback.js", "mariadb", "ConnectionCallback"],
  ["mariadb/lib/connection-promise.js", "mariadb", "ConnectionPromise"],
  ["mariadb/lib/pool.js", "mariadb", "Pool"],
  ["mariadb/lib/pool-callback.js", "mariadb", "PoolCallback"],
  ["mariadb/lib/pool-promise.js", "mariadb", "PoolPromise"],
  ["mariadb/lib/cmd/class/prepare-result-packet.js", "mariadb", "PrepareResultPacket"],
  ["mariadb/dist/promise.cjs", "mariadb", "module"],
  ["mariadb/dist/callback.cjs", "mariadb", "module"],
  ["mssql/lib/base/index.js", "mssql", "module.exports"],
  ["mysql2/lib/connection.js", "mysql2", "module.exports"],
  ["mysql2/lib/pool.js", "mysql2", "module.exports"],
  ["@redis/client/dist/lib/client/index.js", "redis", "module.exports"],
  ["ioredis/built/Redis.js", "ioredis", "module.exports"],
  ["ioredis/built/redis/index.js", "ioredis", "module.exports"],
  ["memjs/lib/memjs/memjs.js", "memjs", "module.exports"],
  ["kafkajs/src/index.js", "kafkajs", "module.exports"],
  ["@grpc/grpc-js/build/src/channel.js", "grpc", "module.exports"],
  ["@elastic/transport/lib/Transport.js", "elasticsearch", "module.exports"],
  ["@elastic/transport/esm/Transport.js", "elasticsearch", "Transport"],
  ["@opensearch-project/opensearch/lib/Transport.js", "opensearch", "module.exports"],
  // Version 17 has channels, and only says that it is there; version 16 is patched.
  ["graphql/diagnostics.js", "graphql", "module.exports"],
  ["graphql/diagnostics.mjs", "graphql", "{ parseChannel }"],
  ["graphql/execution/execute.js", "graphql", "module.exports"],
  ["graphql/execution/subscribe.js", "graphql", "module.exports"],
  ["postgres/cjs/src/query.js", "postgres", "module.exports"],
  ["postgres/src/query.js", "postgres", "Query"],
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
export function knownFile(place: string, files: readonly FileOf[] = FILES): KnownFile | undefined {
  const at = place.lastIndexOf("node_modules")
  if (at < 0) return undefined
  const inModules = place.slice(at + "node_modules/".length).replaceAll("\\", "/")
  const [, library, handed] = files.find(([file]) => file === inModules) ?? []
  return library === undefined || handed === undefined ? undefined : { library, handed }
}

/** The source of a known file, and what hands it over: `call` is the text around what is handed. */
export function handOver(source: string, place: string, { handed }: KnownFile, call: (handed: string) => string): string {
  const own = handed === SELF ? `import * as ${SELF} from ${JSON.stringify(`./${/[^\\/]*$/.exec(place)?.[0]}`)};` : ""
  return `${source}\n;${own}${call(handed)}\n`
}
