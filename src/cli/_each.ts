import { type ParseArgsConfig, parseArgs } from "node:util"
import { explain } from "./_aws.ts"

type Options = NonNullable<ParseArgsConfig["options"]>
type Parsed<O extends Options> = ReturnType<typeof parseArgs<{ options: O; allowPositionals: true; args: string[] }>>

/** Reads the arguments, or says what is wrong with them, or helps. Gives an exit code where nothing is left to do. */
export function readArguments<O extends Options>(argv: string[], usage: string, options: O): Parsed<O> | number {
  try {
    const parsed = parseArgs({ args: argv, options: { ...options, help: { type: "boolean" as const } }, allowPositionals: true })
    if (!(parsed.values as { help?: boolean }).help) return parsed as unknown as Parsed<O>
    process.stdout.write(usage)
    return 0
  } catch (error) {
    process.stderr.write(`[antifreeze] ${(error as Error).message}\n\n${usage}`)
    return 2
  }
}

/** Works through the names one by one and says how each went; one that fails stops none of the others. Gives the exit code. */
export async function forEach(
  names: readonly string[],
  regionOf: (name: string) => string | undefined,
  work: (name: string) => Promise<string>,
): Promise<number> {
  let failed = 0
  for (const name of names) {
    try {
      process.stdout.write(`${name}: ${await work(name)}\n`)
    } catch (error) {
      failed++
      process.stderr.write(`[antifreeze] ${name}: ${explain(error, regionOf(name))}\n`)
    }
  }
  if (failed > 0 && names.length > 1) process.stderr.write(`[antifreeze] ${failed} of ${names.length} failed; the others are done.\n`)
  return failed === 0 ? 0 : 1
}

/** The functions that a command was asked for. */
export function required(names: readonly string[], usage: string): number | undefined {
  if (names.length > 0) return undefined
  process.stderr.write(`[antifreeze] name at least one function.\n\n${usage}`)
  return 2
}
