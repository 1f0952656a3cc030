// The servers that the tests start: each a program of a Debian package, on loopback, on a port of its own, with a folder of its own.
import { spawn } from "node:child_process"
import { on } from "node:events"
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "../free-port.mjs"

/** Program -> the Debian package that brings it. */
export const programs = {
  "redis-server": "redis-server",
  mariadbd: "mariadb-server",
  "mariadb-install-db": "mariadb-server",
  postgres: "postgresql",
  initdb: "postgresql",
  "rabbitmq-server": "rabbitmq-server",
  memcached: "memcached",
  mosquitto: "mosquitto",
  "nats-server": "nats-server",
  kcat: "kcat",
}

/** Where a program is, or undefined. PostgreSQL's are not on the PATH. */
export function programOf(name) {
  const postgres = "/usr/lib/postgresql"
  const versions = existsSync(postgres) ? readdirSync(postgres).map((version) => `${postgres}/${version}/bin`) : []
  return [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/usr/lib/rabbitmq/bin", ...versions]
    .map((folder) => join(folder, name))
    .find(existsSync)
}

/** name -> what starts it: (port, folder) => { command, args, env?, prepare? }. */
const servers = {
  redis: (port, folder) => ({
    command: "redis-server",
    args: ["--bind", "127.0.0.1", "--port", port, "--dir", folder, "--save", "", "--appendonly", "no"],
  }),
  mariadb: (port, folder) => ({
    prepare: [
      ["mariadb-install-db", `--datadir=${folder}/data`, "--auth-root-authentication-method=normal", "--skip-test-db", ...asUser("mysql")],
    ],
    command: "mariadbd",
    args: [
      "--no-defaults",
      `--datadir=${folder}/data`,
      `--port=${port}`,
      "--bind-address=127.0.0.1",
      `--socket=${folder}/socket`,
      `--pid-file=${folder}/pid`,
      "--innodb-buffer-pool-size=16M",
      "--innodb-flush-log-at-trx-commit=0",
      ...asUser("mysql"),
    ],
    user: "mysql",
  }),
  postgres: (port, folder) => ({
    prepare: [["initdb", "-D", `${folder}/data`, "-U", "root", "-A", "trust", "--no-sync"]],
    command: "postgres",
    args: [
      "-D",
      `${folder}/data`,
      "-p",
      port,
      "-c",
      "listen_addresses=127.0.0.1",
      "-c",
      "fsync=off",
      "-c",
      `unix_socket_directories=${folder}`,
    ],
    user: "postgres",
    // It accepts connections while it starts up, and refuses each. PostgreSQL manual, 55.7: StartupMessage is answered by "R" or "E".
    hello: "\0\0\0\x25\0\u0003\0\0user\0root\0database\0postgres\0\0",
    welcome: "R",
    // PostgreSQL refuses to run as root.
    become: "postgres",
  }),
  memcached: (port) => ({ command: "memcached", args: ["-l", "127.0.0.1", "-p", port, "-U", "0", ...(isRoot ? ["-u", "nobody"] : [])] }),
  // Debian has no Kafka. kcat has librdkafka's mock cluster: brokers that speak Kafka's protocol, on a port that they choose and tell.
  kafka: () => ({
    command: "kcat",
    args: ["-C", "-X", "test.mock.num.brokers=1", "-b", "mock", "-t", "warm", "-d", "mock"],
    told: /bootstrap\.servers=127\.0\.0\.1:(\d+)/,
  }),
  nats: (port) => ({ command: "nats-server", args: ["-a", "127.0.0.1", "-p", port] }),
  mosquitto: (port, folder) => {
    writeFileSync(join(folder, "conf"), `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`)
    return { command: "mosquitto", args: ["-c", join(folder, "conf")] }
  },
  rabbitmq: (port, folder, [distribution, mapper]) => ({
    command: "rabbitmq-server",
    args: [],
    env: {
      RABBITMQ_NODENAME: `antifreeze-${port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
      RABBITMQ_NODE_PORT: port,
      RABBITMQ_DIST_PORT: distribution,
      RABBITMQ_MNESIA_BASE: folder,
      RABBITMQ_LOG_BASE: folder,
      RABBITMQ_PID_FILE: join(folder, "pid"),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "plugins"),
      ERL_EPMD_ADDRESS: "127.0.0.1",
      ERL_EPMD_PORT: mapper,
      HOME: folder,
    },
    user: "rabbitmq",
    become: "rabbitmq",
    patienceMs: 60_000,
    // It accepts connections before it can serve them: AMQP 0-9-1, 4.2.2, the protocol header is answered.
    hello: "AMQP\0\0\u0009\u0001",
  }),
}

const isRoot = process.getuid?.() === 0

function asUser(user) {
  return isRoot ? [`--user=${user}`] : []
}

/** Starts a server and waits until it accepts connections. Stop it with `stop()`. */
export async function startStore(name) {
  const [port, ...others] = (await Promise.all([freePort(), freePort(), freePort()])).map(String)
  const folder = mkdtempSync(join(tmpdir(), `antifreeze-${name}-`))
  const {
    command,
    args,
    env = {},
    prepare = [],
    user,
    become,
    patienceMs = 20_000,
    hello,
    welcome = "",
    told,
  } = servers[name](port, folder, others)
  if (user !== undefined && isRoot) {
    const { uid, gid } = identityOf(user)
    chownSync(folder, uid, gid)
  }
  chmodSync(folder, 0o755)
  const start = (program, programArgs) => {
    const found = programOf(program)
    if (found === undefined) throw new Error(`${program} is missing: run "node test/integrations/install-stores.mjs".`)
    const identity = become !== undefined && isRoot ? identityOf(become) : {}
    // A group of its own: what the server has started is stopped with it.
    const child = spawn(found, programArgs, {
      cwd: folder,
      env: { ...process.env, ...env, ANTIFREEZE_STORE: folder },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      ...identity,
    })
    let said = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said = (said + data).slice(-4000)))
    const ended = new Promise((resolve) => child.once("close", resolve))
    return { child, ended, said: () => said }
  }
  for (const [program, ...programArgs] of prepare) {
    const { ended, said } = start(program, programArgs)
    if ((await ended) !== 0) throw new Error(`${program} failed:\n${said()}`)
  }
  const server = start(command, args)
  // A test that fails may never come to stop its server.
  const clear = () => {
    for (const pid of [server.child.pid, ...startedWith(folder)]) end(pid, "SIGKILL")
    rmSync(folder, { recursive: true, force: true })
  }
  process.once("exit", clear)
  const stop = async () => {
    process.removeListener("exit", clear)
    end(server.child.pid, "SIGTERM")
    const late = setTimeout(() => end(server.child.pid, "SIGKILL"), 5000)
    await server.ended
    clearTimeout(late)
    // A daemon of the server's (RabbitMQ's epmd) has left the group; its environment still names the folder.
    for (const pid of startedWith(folder)) end(pid, "SIGKILL")
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    if (told !== undefined) return { host: "127.0.0.1", port: await portTold(server, told), folder, stop }
    await accepting(Number(port), server, patienceMs, hello, welcome)
  } catch (error) {
    await stop()
    throw error
  }
  return { host: "127.0.0.1", port: Number(port), folder, stop }
}

function end(pid, signal) {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal)
    } catch {
      // It has ended already, or leads no group.
    }
  }
}

function startedWith(folder) {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
  return pids
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`ANTIFREEZE_STORE=${folder}\0`)
      } catch {
        return false
      }
    })
    .map(Number)
}

async function portTold({ child, said }, told) {
  for await (const _ of on(child.stderr, "data", { close: ["close"], signal: AbortSignal.timeout(10_000) })) {
    const [, port] = told.exec(said()) ?? []
    if (port !== undefined) return Number(port)
  }
  throw new Error(`the server did not tell its port:\n${said()}`)
}

async function accepting(port, server, patienceMs, hello, welcome) {
  let ended = false
  void server.ended.then(() => (ended = true))
  for (const until = Date.now() + patienceMs; Date.now() < until && !ended; ) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => (hello === undefined ? answer(true) : socket.write(hello)))
      const answer = (isOpen) => {
        socket.destroy()
        resolve(isOpen)
      }
      socket.once("data", (data) => answer(String(data).startsWith(welcome)))
      socket.once("error", () => answer(false))
      socket.once("close", () => answer(false))
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`the server did not start on port ${port}:\n${server.said()}`)
}

function identityOf(user) {
  const [, , uid, gid] =
    readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => line.split(":"))
      .find(([name]) => name === user) ?? []
  return { uid: Number(uid), gid: Number(gid) }
}
