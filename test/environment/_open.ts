import { fileURLToPath } from "node:url"
import { onTestFinished } from "vitest"
import type { Environment, EnvironmentOptions, Runtime } from "../../src/environment/contracts.ts"
import { openEnvironment } from "../../src/environment/environment.ts"

export const fixtures: string = fileURLToPath(new URL("./fixtures", import.meta.url))

/** An environment on the fixtures that closes when the test ends. */
export function open(runtime: Runtime, handler: string, options: Partial<EnvironmentOptions> = {}): Environment {
  const environment = openEnvironment({ handler, taskRoot: fixtures, runtime, ...options })
  onTestFinished(() => environment.close())
  return environment
}
