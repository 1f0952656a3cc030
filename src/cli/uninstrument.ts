import { type Command, readArguments } from "./_arguments.ts"
import { DRY_RUN, openLambda, REGION } from "./_aws.ts"
import { forEach, required } from "./_each.ts"
import { removed, settingsOf } from "./_plan.ts"
import { update } from "./_update.ts"

/** `antifreeze uninstrument`. */
export const uninstrument: Command = {
  usage: `Usage: antifreeze uninstrument FUNCTION… [--region R] [--dry-run]

Takes the layer and what instrument has added away from functions, and puts back the exec wrapper that was there.

${REGION}${DRY_RUN}`,
  async run(argv) {
    const parsed = readArguments(argv, { region: { type: "string" }, "dry-run": { type: "boolean", default: false } })
    const { region, "dry-run": dryRun } = parsed.values
    return forEach(
      required(parsed.positionals),
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
  },
}
