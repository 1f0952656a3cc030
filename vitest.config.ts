import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // OpenTracing's conformance suite expects describe and it in the global scope.
    globals: true,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Real processes are frozen and timed in there: more at once than the machine has processors would only test the machine.
    maxWorkers: 2,
  },
})
