import { UsageError } from "./_arguments.ts"
import { explain, MissingSdk } from "./_aws.ts"
import { warn } from "./_warn.ts"

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
      if (tell(name, error, regionOf(name))) return 1
    }
  }
  if (failed > 0 && names.length > 1) warn(`${failed} of ${names.length} failed; the others are done.`)
  return failed === 0 ? 0 : 1
}

/** Says what went wrong. True: it would with every name. */
export function tell(name: string, error: unknown, region: string | undefined): boolean {
  const isOfAll = error instanceof MissingSdk
  warn(`${isOfAll ? "" : `${name}: `}${explain(error, region)}`)
  return isOfAll
}

/** The functions that a command was asked for. */
export function required(names: readonly string[]): readonly string[] {
  if (names.length === 0) throw new UsageError("name at least one function. See --help.")
  return names
}
