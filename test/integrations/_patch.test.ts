import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { expect, it } from "vitest"
import type { Integration } from "../../src/core/contracts.ts"
import { patchMethod, tracedBy, whenLoaded } from "../../src/integrations/_patch.ts"

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

class Client {
  readonly answer = new Uint8Array(10_000)
  own?: () => Uint8Array
  constructor() {
    Object.defineProperty(this, "own", { value: () => this.answer, writable: true, configurable: true })
  }
  shared(): Uint8Array {
    return this.answer
  }
}

const integration = (name: string): Integration<unknown> => ({
  name,
  watch: () =>
    whenLoaded(name, (target) =>
      ["own", "shared"].flatMap((method) =>
        patchMethod(
          target,
          method,
          (original) =>
            function () {
              return [Reflect.apply(original, this, [])]
            },
        ),
      ),
    ),
  describe: () => ({ operationName: name, kind: "client", tags: {} }),
})

/** How many of the clients are left once nobody holds them. */
async function left(refs: readonly WeakRef<object>[]): Promise<number> {
  for (let at = 0; at < 5; at++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    collect()
  }
  return refs.filter((ref) => ref.deref() !== undefined).length
}

it.each(["before", "after"])("lets go of a client that was handed over %s anything was watched", async (when) => {
  const made = integration(`left ${when}`)
  const traced = tracedBy(made)
  const undo = when === "after" ? made.watch(undefined as never) : () => {}
  const refs = Array.from({ length: 50 }, () => new WeakRef(traced(new Client())))
  expect(await left(refs)).toBeLessThanOrEqual(1)
  undo()
})

it("undoes its patches after the client that led to them is gone, and on those that live", async () => {
  const made = integration("undone")
  const undo = made.watch(undefined as never)
  const lives = tracedBy(made)(new Client())
  const refs = [new WeakRef(tracedBy(made)(new Client()))]
  expect([lives.own?.(), lives.shared(), new Client().shared()]).toEqual(Array.from({ length: 3 }, () => [lives.answer]))
  expect(await left(refs)).toBe(0)
  undo()
  expect([lives.own?.(), lives.shared(), new Client().shared()]).toEqual(Array.from({ length: 3 }, () => lives.answer))
})
