// What the layer leaves out for its size, in a zip of its own (decisions/0008): the other libraries that are patched, and the capture
// of payloads. This part is loaded with the first file of a library; the rest when the function loads one of these, or asks for a capture.
import type { Traced } from "../src/platforms/node/hook-loads.ts"

export { FILES } from "../src/integrations/_files.ts"
export { VERSION } from "../src/version.ts"

export function capture(): void {
  ;(rest()["capture"] as () => void)()
}

export function tracedOf(library: string): Traced | undefined {
  return rest()[library]
}

function rest(): Record<string, Traced> {
  return process.getBuiltinModule("node:module").createRequire(__filename)("./more-libraries.cjs") as Record<string, Traced>
}
