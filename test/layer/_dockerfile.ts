// Builds and runs what a Dockerfile says, without Docker: as a tree of files that is mounted in a namespace of its own, over this machine's.
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export interface Image {
  /** A script to start in the place of a container. */
  readonly start: string
  readonly remove: () => void
}

export interface BuildOptions {
  /** The build context: what `COPY .` copies. */
  readonly context: string
  /** Packages that the function has installed. */
  readonly modules: string
  /** The aws-lambda-ric that is AWS's own in its base image. */
  readonly client: string
  /** Lambda's idea of the handler: in images it was seen to be empty. */
  readonly handler: string
}

const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url))

/** AWS's base image, as far as a function can see: a double of its two scripts around the real client. */
const AWS_ENV = { LAMBDA_TASK_ROOT: "/var/task", LAMBDA_RUNTIME_DIR: "/var/runtime" }
const AWS_ENTRYPOINT = '#!/bin/sh\nexport _HANDLER="$1"\nexec $AWS_LAMBDA_EXEC_WRAPPER node --expose-gc /var/runtime/index.mjs\n'

/** FROM, RUN of our own command, COPY, WORKDIR, ENV, ENTRYPOINT and CMD; anything else is an error. */
export function buildImage(dockerfile: string, { context, modules, client, handler }: BuildOptions): Image {
  const root = mkdtempSync(join(tmpdir(), "antifreeze-image-"))
  const stages = new Map<string, string>()
  let stage = ""
  let env: Record<string, string> = {}
  let workdir = "/"
  let entrypoint: string[] = []
  let command: string[] = []
  const expand = (text: string) => text.replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => env[name] ?? "")
  const place = (path: string) => join(stage, path.startsWith("/") ? path : join(workdir, path))

  const instructions: Record<string, (rest: string) => void> = {
    FROM(rest) {
      const [image = "", , name = "final"] = rest.split(" ")
      stage = join(root, name)
      stages.set(name, stage)
      for (const folder of ["opt", "var/task", "var/runtime"]) mkdirSync(join(stage, folder), { recursive: true })
      const isAws = image.startsWith("public.ecr.aws/lambda/nodejs:")
      if (!isAws && !image.startsWith("node:")) throw new Error(`FROM ${image} is not known here`)
      env = isAws ? { ...AWS_ENV } : {}
      workdir = isAws ? "/var/task" : "/"
      entrypoint = isAws ? ["/var/runtime/lambda-entrypoint.sh"] : []
      if (!isAws) return
      cpSync(client, join(stage, "var/runtime"), { recursive: true })
      writeFileSync(join(stage, "var/runtime/lambda-entrypoint.sh"), AWS_ENTRYPOINT, { mode: 0o755 })
    },
    RUN(rest) {
      const match = /^npm install antifreeze && npx antifreeze (layer unpack) (\S+)$/.exec(rest)
      if (match === null) throw new Error(`RUN ${rest} is not known here`)
      execFileSync(process.execPath, [cli, ...(match[1] ?? "").split(" "), place(match[2] ?? "")])
    },
    COPY(rest) {
      const [, from, source = "", target = ""] = /^(?:--from=(\w+) )?(\S+) (\S+)$/.exec(rest) ?? []
      cpSync(from === undefined ? join(context, source) : join(stages.get(from) ?? "", source), place(expand(target)), { recursive: true })
    },
    WORKDIR(rest) {
      workdir = expand(rest)
    },
    ENV(rest) {
      for (const [, name = "", quoted, plain] of rest.matchAll(/(\w+)=(?:"([^"]*)"|(\S+))/g)) env[name] = quoted ?? plain ?? ""
    },
    ENTRYPOINT(rest) {
      entrypoint = JSON.parse(rest) as string[]
    },
    CMD(rest) {
      command = JSON.parse(rest) as string[]
    },
  }
  for (const line of dockerfile.split("\n").filter((text) => text.trim() !== "")) {
    const [name = "", ...rest] = line.split(" ")
    if (instructions[name] === undefined) throw new Error(`${name} is not known here`)
    instructions[name](rest.join(" "))
  }
  symlinkSync(modules, join(stage, "var/task/node_modules"))

  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  const lines = [
    `mount --bind ${stage}/opt /opt && mount --bind ${stage}/var /var && cd ${workdir} || exit 1`,
    // What the local environment has set in the place of an image.
    "unset AWS_LAMBDA_EXEC_WRAPPER NODE_PATH LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR",
    `export HOME=/tmp npm_config_update_notifier=false _HANDLER=${quoted(handler)}`,
    ...Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}`),
    `exec ${[...entrypoint, ...command].map(quoted).join(" ")}`,
  ]
  writeFileSync(join(root, "inside"), `${lines.join("\n")}\n`)
  const start = join(root, "start")
  writeFileSync(start, `#!/bin/sh\nexec unshare --map-root-user --mount /bin/sh ${root}/inside\n`, { mode: 0o755 })
  return { start, remove: () => rmSync(root, { recursive: true }) }
}
