import type { TagValue } from "./contracts.ts"
import { errorFacts } from "./errors.ts"

const MAX_NODES = 1_000

/**
 * Turns anything into a value that every back end can hold, at most `maxLength` characters long, or `undefined` when
 * there is nothing to hold. Never throws: not on throwing getters, cycles, proxies or 10,000 levels of nesting.
 */
export function tagValue(value: unknown, maxLength: number): TagValue | undefined {
  switch (typeof value) {
    case "string":
      return cut(value, maxLength)
    case "number":
    case "boolean":
      return value
    case "bigint":
      return cut(String(value), maxLength)
    case "object":
      return value === null ? undefined : fromObject(value, maxLength)
    default:
      return undefined
  }
}

function fromObject(value: object, maxLength: number): TagValue | undefined {
  try {
    if (value instanceof Error) return cut(errorFacts(value).message, maxLength)
    if (Array.isArray(value)) {
      const list = fromArray(value, maxLength)
      if (list !== undefined) return list
    }
    return cut(previewJson(value), maxLength)
  } catch {
    return "[unreadable]"
  }
}

/** A list of one kind of primitive stays a list. */
function fromArray(values: readonly unknown[], maxLength: number): TagValue | undefined {
  if (values.length > MAX_NODES) return undefined
  const type = typeof values[0]
  if (type !== "string" && type !== "number" && type !== "boolean" && values.length > 0) return undefined
  for (const value of values) if (typeof value !== type) return undefined
  if (type !== "string") return values.slice() as number[] | boolean[]
  return (values as string[]).map((value) => cut(value, maxLength))
}

/** JSON that stops after a thousand values, so that a huge object costs neither time nor memory. */
function previewJson(value: object): string {
  let left = MAX_NODES
  return (
    JSON.stringify(value, (_key, inner: unknown) => {
      if (left-- <= 0) return undefined
      return typeof inner === "bigint" ? String(inner) : inner
    }) ?? "[unreadable]"
  )
}

export function cut(value: string, maxLength: number): string {
  return value.length > maxLength ? value.slice(0, maxLength) : value
}
