import { oneSpan, post } from "./_post.ts"

/** Flushes as most agents do: within the handler, before the client has its answer. */
export const handler = async (): Promise<unknown> => {
  await post(oneSpan())
  return { statusCode: 200, body: "ok" }
}
