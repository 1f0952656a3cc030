// Only this file is loaded before it is known that the others can be: imports that an old Node lacks are syntax errors there.
if (Number.parseInt(process.versions.node, 10) < 20) {
  process.stderr.write(`[antifreeze] Node ${process.versions.node} is too old for this tool. Run it on Node 20 or later.\n`)
  process.exitCode = 1
} else {
  const { run } = await import("./commands.ts")
  process.exitCode = await run(process.argv.slice(2))
}
