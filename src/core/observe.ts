/**
 * Told how a call ended: with the value it gave, or with what it threw. A promise that it gives back holds the caller's
 * answer until it settles; it must not reject.
 */
export interface Observer {
  returned(value: unknown): Promise<unknown> | undefined
  threw(error: unknown): Promise<unknown> | undefined
}

/**
 * Runs `run` and tells the observer how it ended: when it returns, or when its promise settles. The caller sees exactly
 * what it would have seen without us. Only native promises are waited for: a lazy thenable would run twice.
 */
export function observe<T>(run: () => T, observer: Observer): T {
  let value: T
  try {
    value = run()
  } catch (error) {
    const hold = observer.threw(error)
    if (hold === undefined) throw error
    return hold.then(() => Promise.reject(error)) as T
  }
  return observeValue(value, observer)
}

/** The second half of `observe`, for a call that has already returned. */
export function observeValue<T>(value: T, observer: Observer): T {
  if (value instanceof Promise) return follow(value, observer) as T
  const hold = observer.returned(value)
  return hold === undefined ? value : (hold.then(() => value) as T)
}

/**
 * A plain promise is handed on as its follower, so that a rejection nobody handles is still reported by the runtime.
 * One that carries more than a promise keeps its identity.
 */
function follow(promise: Promise<unknown>, observer: Observer): Promise<unknown> {
  const follower = promise.then(
    (value) => {
      const hold = observer.returned(value)
      return hold === undefined ? value : hold.then(() => value)
    },
    (error: unknown) => {
      const hold = observer.threw(error)
      if (hold === undefined) throw error
      return hold.then(() => Promise.reject(error))
    },
  )
  const isPlain = promise.constructor === Promise && Object.keys(promise).length === 0
  if (isPlain) return follower
  follower.catch(() => {})
  return promise
}
