/** What Express adds to Node's request. */
export interface Request {
  readonly method?: string | undefined
  readonly originalUrl?: string
  readonly url?: string | undefined
  readonly baseUrl?: string
  readonly route?: { readonly path?: unknown }
  readonly headers: Readonly<Record<string, unknown>>
  /** Where something has parsed it. */
  readonly body?: unknown
}

/** Where the app is mounted is known when the route is found; an error has left that place before it is answered. */
export function watchRoute(request: Request): () => string | undefined {
  let { route } = request
  let found: string | undefined
  Object.defineProperty(request, "route", {
    configurable: true,
    enumerable: true,
    get: () => route,
    set(value: Request["route"]) {
      route = value
      // Several paths, or an expression, are as the function has written them.
      if (value?.path !== undefined) found = `${request.baseUrl ?? ""}${String(value.path)}`
    },
  })
  return () => found
}
