import { type ChildProcess, spawn } from "node:child_process"
import { rmSync } from "node:fs"

/** Kills the process group `id` when this process is gone, however it goes. Returns the undo. */
export function guardGroup(id: number): () => void {
  hook()
  groups.add(id)
  tell(`+ ${id}`)
  return () => {
    groups.delete(id)
    tell(`- ${id}`)
  }
}

/** Removes `folder` when this process exits. Removes it at once when the returned function is called. */
export function guardFolder(folder: string): () => void {
  hook()
  folders.add(folder)
  return () => {
    folders.delete(folder)
    rmSync(folder, { recursive: true, force: true })
  }
}

const groups = new Set<number>()
const folders = new Set<string>()
let hooked = false
let guardian: ChildProcess | undefined

function hook(): void {
  if (!hooked) process.on("exit", cleanUp)
  hooked = true
}

function cleanUp(): void {
  for (const id of groups) {
    try {
      process.kill(-id, "SIGKILL")
    } catch {
      // Already gone.
    }
  }
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

// `exit` listeners do not run when this process is killed or gets ctrl-C, and a stopped runtime would then stay for ever.
// So a shell reads from a pipe of ours: at its end, whatever the cause, it kills the groups it was told of.
const script = `
trap '' INT TERM HUP
groups=' '
while read -r op id; do
  case $op in
    +) groups="$groups$id " ;;
    -) groups="\${groups%% $id *} \${groups#* $id }" ;;
  esac
done
for id in $groups; do kill -s KILL -- "-$id"; done`

function tell(line: string): void {
  if (!guardian) {
    guardian = spawn("/bin/sh", ["-c", script], { detached: true, stdio: ["pipe", "ignore", "ignore"], env: {} })
    guardian.on("error", () => {})
    guardian.stdin?.on("error", () => {})
    guardian.unref()
    // A pipe to a child is a socket, which the types of `stdin` do not say.
    const pipe = guardian.stdin as unknown as { unref(): void } | null
    pipe?.unref()
  }
  guardian.stdin?.write(`${line}\n`)
}
