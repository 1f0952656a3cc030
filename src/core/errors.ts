export interface ErrorFacts {
  /** `error.kind`: the code of a system error, else the name of its class. */
  readonly kind: string
  readonly message: string
  readonly stack: string | undefined
}

/** What can be said of anything that was thrown. Never throws, whatever getters or proxies the value has. */
export function errorFacts(error: unknown): ErrorFacts {
  try {
    if (error === null || typeof error !== "object") return { kind: typeof error, message: String(error), stack: undefined }
    const { code, name, message, stack } = error as { code?: unknown; name?: unknown; message?: unknown; stack?: unknown }
    return {
      kind: text(code) ?? text(name) ?? text(error.constructor?.name) ?? "Error",
      message: text(message) ?? "",
      stack: text(stack),
    }
  } catch {
    return { kind: "Error", message: "the error could not be read", stack: undefined }
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined
}
