/** The files of libraries that have no tracing channel, or have not always had one: each hands what it exports to `traced` of `antifreeze/<library>`. */
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
  ["mssql/lib/diagnostics.js", "mssql", "module.exports"],
  ["mysql2/lib/connection.js", "mysql2", "module.exports"],
  ["mysql2/lib/pool.js", "mysql2", "module.exports"],
  ["@redis/client/dist/lib/client/index.js", "redis", "module.exports"],
  ["ioredis/built/Redis.js", "ioredis", "module.exports"],
  ["ioredis/built/redis/index.js", "ioredis", "module.exports"],
  ["postgres/cjs/src/query.js", "postgres", "module.exports"],
  ["postgres/src/query.js", "postgres", "{ Query }"],
]

export interface KnownFile {
  readonly library: string
  /** What the file's own code calls the thing to be patched. */
  readonly handed: string
}

/** Matches the paths and URLs of all known files, for tools that want a filter. */
export const KNOWN_FILE: RegExp =
  /[\\/]node_modules[\\/](?:pg[\\/]lib[\\/]client|pg-pool[\\/]index|mongodb[\\/]lib[\\/]cmap[\\/]connection|amqplib[\\/]lib[\\/](?:channel|channel_model|callback_model)|nats[\\/]lib[\\/]nats-base-client[\\/]nats|mqtt[\\/]build[\\/]lib[\\/]client|memcached[\\/]lib[\\/]memcached|mysql[\\/]lib[\\/](?:Connection|Pool|PoolNamespace)|mssql[\\/]lib[\\/]diagnostics|mysql2[\\/]lib[\\/](?:connection|pool)|@redis[\\/]client[\\/]dist[\\/]lib[\\/]client[\\/]index|ioredis[\\/]built[\\/](?:Redis|redis[\\/]index)|mariadb[\\/](?:lib[\\/](?:(?:connection|pool)(?:-callback|-promise)?|cmd[\\/]class[\\/]prepare-result-packet)|dist[\\/](?:promise|callback))|postgres[\\/](?:cjs[\\/])?src[\\/]query)\.c?js$/

/** The known file of a path or URL, if it is one. */
export function knownFile(place: string): KnownFile | undefined {
  // Nearly every module ends here: most have no such name.
  if (!KNOWN_FILE.test(place)) return undefined
  const inModules = place.replaceAll("\\", "/").split("/node_modules/").at(-1)
  const [, library, handed] = FILES.find(([file]) => file === inModules) ?? []
  return library === undefined || handed === undefined ? undefined : { library, handed }
}
