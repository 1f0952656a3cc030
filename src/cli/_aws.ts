import type { FunctionConfiguration, Lambda } from "@aws-sdk/client-lambda"

/** The layer's name in an account, and the variables that switch it on. */
export const LAYER_NAME = "antifreeze"
export const WRAPPER = "/opt/antifreeze"
export const RUNTIMES = ["nodejs22.x", "nodejs24.x"] as const

/** Options that several commands have, as their usage explains them. */
export const REGION = "  --region R         region (default: the SDK's, AWS_REGION)\n"
export const DRY_RUN = "  --dry-run          say what would be changed, and change nothing\n"

/** What goes wrong in a way that its reader can do something about. */
export class CliError extends Error {}

/** Goes wrong for one function as for all. */
export class MissingSdk extends CliError {}

/** A client of the Lambda API; the SDK finds region and credentials as it does everywhere (`AWS_REGION`, `AWS_PROFILE`, …). */
export async function openLambda(region: string | undefined): Promise<Lambda> {
  const sdk = await import("@aws-sdk/client-lambda").catch((error: { code?: unknown }) => {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error
    // A copy of ours that npx has fetched by itself does not find what the project has.
    throw new MissingSdk("this command needs the AWS SDK beside antifreeze. Run: npm install --save-dev antifreeze @aws-sdk/client-lambda")
  })
  // Throttled calls are repeated with growing pauses before they count as failed.
  return new sdk.Lambda({ maxAttempts: 6, ...(region === undefined ? {} : { region }) })
}

export function isOurLayer(arn: string | undefined, name: string = LAYER_NAME): boolean {
  return arn?.split(":")[6] === name
}

export function layersOf({ Layers = [] }: FunctionConfiguration): string[] {
  return Layers.map(({ Arn }) => Arn).filter((arn) => arn !== undefined)
}

/** The function's variables. Throws where they cannot be read: writing them back would lose them. */
export function variablesOf({ Environment }: FunctionConfiguration): Record<string, string> {
  if (Environment?.Error !== undefined) {
    throw new CliError(
      `its variables cannot be read: ${Environment.Error.Message ?? Environment.Error.ErrorCode}. Allow kms:Decrypt on its key.`,
    )
  }
  return { ...Environment?.Variables }
}

/** One sentence for whoever ran the command: what is wrong, and what to do. */
export function explain(error: unknown, region: string | undefined): string {
  if (error instanceof CliError) return error.message
  const { name = "", message = String(error), code } = error as { name?: string; message?: string; code?: string }
  const action = /not authorized to perform: (\S+)/.exec(message)?.[1]
  switch (name) {
    case "CredentialsProviderError":
      return "no AWS credentials were found. Run aws configure or aws sso login, or set AWS_PROFILE."
    case "ExpiredTokenException":
    case "ExpiredToken":
      return "the AWS session has expired. Log in again."
    case "UnrecognizedClientException":
    case "InvalidSignatureException":
    case "InvalidClientTokenId":
      return `AWS does not accept these credentials in ${region ?? "this region"}. Check the profile and that the region is enabled.`
    case "AccessDeniedException":
    case "AccessDenied":
      return `the permission ${action ?? "for this call"} is missing. Add it to the policy of the user or role in use.`
    case "ResourceNotFoundException":
      return `it does not exist in ${region ?? "this region"}. Check its name and --region.`
    case "TooManyRequestsException":
    case "ThrottlingException":
      return "Lambda is throttling requests, even after six attempts. Try again in a minute."
    case "PreconditionFailedException":
      return "somebody else changed it at the same moment; nothing was changed. Run the command again."
    case "ResourceConflictException":
      return "another update of it is still in progress; nothing was changed. Run the command again when it is over."
    case "CodeStorageExceededException":
      return "the account's storage for code and layers is full. Delete old versions."
    default:
      if (/region is missing|region=""/i.test(message)) return "no region is set. Give --region or set AWS_REGION."
      if (code === "ENOTFOUND" || code === "ECONNREFUSED")
        return `the Lambda API of ${region ?? "this region"} cannot be reached: ${message}.`
      return `${name === "" || name === "Error" ? "" : `${name}: `}${message}`
  }
}
