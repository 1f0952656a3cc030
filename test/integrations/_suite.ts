import { AsyncLocalStorage } from "node:async_hooks"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { Integration, SpanRecord } from "../../src/core/contracts.ts"
import { Recording, tagsOf } from "./_recording.ts"

/** Must never be seen in a span. Every call of a suite carries it. */
export const SECRET = "Tr0ub4dor&3"

/** One library, against a real server: what the shared suite has to know of it. */
export interface Subject<Client> {
  // biome-ignore lint/suspicious/noExplicitAny: of any library.
  readonly integration: Integration<any, any>
  /** Starts the server; returns what stops it. */
  start(): Promise<() => Promise<void>>
  connect(): Promise<Client>
  close(client: Client): Promise<unknown> | unknown
  /** One call, one span, that succeeds. */
  call(client: Client): Promise<unknown>
  /** The span of that call. */
  readonly span: { readonly name: string | RegExp; readonly tags: () => Record<string, unknown> }
  /** One call, one span, that the server refuses. */
  fail(client: Client): Promise<unknown>
  readonly failure: Record<string, unknown>
  /** At least 30 calls of all kinds: writes down what happens. */
  transcript(client: Client, write: (what: string, ...values: unknown[]) => void): Promise<void>
  /** Undoes what the transcript left. */
  reset?(client: Client): Promise<unknown>
}

/** Writes down how a promise ends, for a transcript. */
export function settling(
  write: (what: string, ...values: unknown[]) => void,
): (what: string, promise: PromiseLike<unknown>) => Promise<void> {
  return async (what, promise) => {
    try {
      write(what, await promise)
    } catch (error) {
      write(`${what} failed`, error)
    }
  }
}

/** What every integration promises, whatever its library is. */
export function behavesAsIntegration<Client>(subject: Subject<Client>): void {
  describe("as every integration", () => {
    let stop: () => Promise<void>
    let client: Client
    let recording: Recording

    beforeAll(async () => {
      stop = await subject.start()
      client = await subject.connect()
    }, 60_000)
    afterAll(async () => {
      await subject.close(client)
      await stop()
    })
    beforeEach(() => {
      recording = new Recording().watch(subject.integration)
    })
    afterEach(async () => {
      recording.unwatch()
      const all = JSON.stringify((await recording.finished()).map(everything))
      expect(all).not.toContain(SECRET)
      expect(all).not.toContain("Tr0ub4")
    })

    it("makes one child span of a call, with the conventions' tags and nothing secret", async () => {
      const { spans } = await recording.children(() => subject.call(client))
      expect(spans).toHaveLength(1)
      expect(spans[0]?.operationName).toEqual(
        subject.span.name instanceof RegExp ? expect.stringMatching(subject.span.name) : subject.span.name,
      )
      expect(tagsOf(spans[0])).toEqual(subject.span.tags())
      expect(recording.mistakes).toEqual([])
    })

    it("gives each of 20 concurrent callers its own span", async () => {
      const found = await Promise.all(Array.from({ length: 20 }, () => recording.children(() => subject.call(client))))
      for (const { parent, spans } of found) expect(spans.map(({ traceId }) => traceId)).toEqual([parent.traceId])
    })

    it("leaves the parent active after the call", async () => {
      await recording.children(async (parent) => {
        const pending = subject.call(client)
        expect(recording.tracer.activeSpan).toBe(parent)
        await pending
        expect(recording.tracer.activeSpan).toBe(parent)
      })
    })

    it("ends the span before the caller goes on", async () => {
      await recording.children(async (parent) => {
        await subject.call(client)
        const own = parent.context().segment?.sink.take() ?? []
        expect(own).toHaveLength(1)
        const loose = recording.tracer.loose
        for (const span of own) loose.finished(span as never)
      }, 0)
    })

    it("tells of an error what may be told, and leaves the error as it is", async () => {
      const { spans, thrown } = await recording.children(() => subject.fail(client))
      recording.unwatch()
      const bare = await subject.fail(client).then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(shape(thrown)).toEqual(shape(bare))
      expect(spans).toHaveLength(1)
      expect(tagsOf(spans[0])).toMatchObject({ error: true, ...subject.failure })
    })

    it("makes no span where none is active, nor after undo", async () => {
      await subject.call(client)
      recording.unwatch()
      await recording.children(() => subject.call(client), 0)
      expect(await recording.finished()).toEqual([])
    })

    it("survives a bug in describe and in the user's hooks", async () => {
      const bug = () => {
        throw new Error("bug")
      }
      recording.unwatch()
      const bare = await subject.call(client)
      for (const broken of [{ describe: bug }, { onCall: bug }, { onResult: bug }, { tell: bug, describe: bug }]) {
        recording.watch({ ...subject.integration, ...broken } as never)
        const { spans, value } = await recording.children(() => subject.call(client))
        expect(value).toEqual(bare)
        expect(tagsOf(spans[0])).toMatchObject({ instrumentation_error: true })
        recording.unwatch()
      }
    })

    it("leaves a program untouched: the same results, errors and order with us and without", async () => {
      const run = async () => {
        const lines: unknown[] = []
        const own = new AsyncLocalStorage<string>()
        await own.run("the program's own context", () =>
          subject.transcript(client, (what, ...values) =>
            lines.push([what, ...values.map((value) => (value instanceof Error ? shape(value) : value))]),
          ),
        )
        await subject.reset?.(client)
        return lines
      }
      recording.unwatch()
      const without = await run()
      expect(without.length).toBeGreaterThanOrEqual(30)
      recording.watch(subject.integration)
      expect(await run(), "no scope").toEqual(without)
      const { value, spans } = await recording.children(run, 12)
      expect(value, "in a scope").toEqual(without)
      expect(spans.filter(({ durationUs }) => durationUs === undefined)).toEqual([])
      expect(recording.mistakes).toEqual([])
    })
  })
}

/** All that leaves the process with a span. */
function everything(span: SpanRecord): unknown {
  return [span.operationName, [...span.tags], span.logs.map(({ fields }) => [...fields]), span.links]
}

/** An error without its stack. */
function shape(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const own = Object.getOwnPropertyNames(error).filter((name) => name !== "stack")
  return [error.constructor.name, error.message, own.toSorted(), (error as { code?: unknown }).code]
}
