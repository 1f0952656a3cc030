import { type ParseArgsConfig, parseArgs } from "node:util"

export interface Command {
  /** What `--help` prints: the options last, explained from column 22 on. */
  readonly usage: string
  /** Resolves with the exit code. */
  run(argv: string[]): Promise<number>
}

/** The command line is wrong: told in one line, with 2 as the exit code. */
export class UsageError extends Error {}

type Options = NonNullable<ParseArgsConfig["options"]>
type Parsed<O extends Options> = ReturnType<typeof parseArgs<{ options: O; allowPositionals: true; args: string[] }>>

/** Reads the arguments of a command. Names are what stands there without a dash. */
export function readArguments<O extends Options>(argv: string[], options: O, { names = true }: { names?: boolean } = {}): Parsed<O> {
  try {
    return parseArgs({ args: argv, options, allowPositionals: names }) as unknown as Parsed<O>
  } catch (error) {
    // Node's second sentence is about a dash before a name, which none of ours has.
    throw new UsageError(`${(error as Error).message.split(". ", 1)[0]}. See --help.`)
  }
}

export function numberOf(flag: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (text.trim() && value >= least && value <= most && (flag === "--timeout" || Number.isInteger(value))) return value
  throw new UsageError(`${flag} ${text} is not possible. Give a number from ${least} to ${most}.`)
}
