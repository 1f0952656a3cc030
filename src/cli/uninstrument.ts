import { openLambda } from "./_aws.ts"
import { forEach, readArguments, required } from "./_each.ts"
import { removed, settingsOf } from "./_plan.ts"
import { update } from "./_update.ts"

const USAGE = `Usage: antifreeze uninstrument FUNCTION… [--region R] [--dry-run]

Takes the layer and what instrument has added away from functions, and puts back the exec wrapper that was there.

  --region <r>   region (default: the SDK's, AWS_REGION)
  --dry-run      say what would be changed, and change nothing
  --help         show this
`

/** `antifreeze uninstrument`. Resolves with the exit code. */
export async function uninstrument(argv: string[]): Promise<number> {
  const parsed = readArguments(argv, USAGE, { region: { type: "string" }, "dry-run": { type: "boolean", default: false } })
  if (typeof parsed === "number") return parsed
  const { region, "dry-run": dryRun } = parsed.values
  const missing = required(parsed.positionals, USAGE)
  if (missing !== undefined) return missing
  return forEach(
    parsed.positionals,
    () => region,
    async (name) => {
      const lambda = await openLambda(region)
      return update({
        lambda,
        name,
        dryRun,
        nothing: "has nothing of antifreeze",
        change: (configuration) => removed(settingsOf(configuration)),
      })
    },
  )
}
