import { type Followed, STREAMING } from "./body.ts"

/** Follows a stream through JavaScript: its bytes are passed on as they are asked for. */
export function followByReader(response: Response, body: ReadableStream): Followed | undefined {
  if (!STREAMING.test(response.headers.get("content-type") ?? "")) return undefined
  let settle = (_error?: unknown) => {}
  const ended = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error))
  })
  const reader = body.getReader()
  const readable = new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (!done) return controller.enqueue(value)
        controller.close()
        settle()
      } catch (error) {
        controller.error(error)
        settle(error ?? new Error("the body failed"))
      }
    },
    cancel(reason) {
      settle(new DOMException("The response was abandoned before its end.", "AbortError"))
      return reader.cancel(reason)
    },
  })
  return { response: new Response(readable, response), ended }
}
