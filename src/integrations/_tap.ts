/** Looks at what one object's method is given; `look` must not throw. Nothing is deleted after it: that would make a slow object of a stream. */
export function tap(owner: object, name: string, look: (...args: unknown[]) => void): void {
  const methods = owner as Record<string, (...args: unknown[]) => unknown>
  const original = methods[name] as (...args: unknown[]) => unknown
  methods[name] = function (...args) {
    look(...args)
    return original.apply(this, args)
  }
}
