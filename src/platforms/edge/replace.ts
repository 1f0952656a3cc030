export type Method = (this: object, ...args: unknown[]) => unknown

/** Puts a method in the place of an object's own one, with its name, length and descriptor. */
export function replace(owner: object, method: string, make: (native: Method) => Method): void {
  const descriptor = Object.getOwnPropertyDescriptor(owner, method)
  const native = descriptor?.value as unknown
  if (typeof native !== "function" || !(descriptor?.configurable || descriptor?.writable)) return
  const value = make(native as Method)
  for (const key of ["name", "length"]) Object.defineProperty(value, key, Object.getOwnPropertyDescriptor(native, key) ?? {})
  Object.defineProperty(owner, method, { ...descriptor, value })
}

/** The same for the global `fetch`, which some runtimes keep on a prototype, or behind a getter. */
export function replaceFetch(make: (native: Method) => Method): void {
  if (!Object.getOwnPropertyDescriptor(globalThis, "fetch")?.value)
    Object.defineProperty(globalThis, "fetch", { value: globalThis.fetch, writable: true, configurable: true, enumerable: true })
  replace(globalThis, "fetch", make)
}
