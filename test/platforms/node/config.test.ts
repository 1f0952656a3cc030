import { describe, expect, test } from "vitest"
import type { Propagator } from "../../../src/core/contracts.ts"
import { createReport } from "../../../src/core/report.ts"
import { createTracer } from "../../../src/index.ts"
import { readConfig } from "../../../src/platforms/node/config.ts"
import { endpointOf, isDisabled } from "../../../src/platforms/node/endpoint.ts"
import { soundOptions, type TracerOptions } from "../../../src/platforms/node/options.ts"

function read(env: Record<string, string>) {
  const lines: string[] = []
  return {
    config: readConfig(
      env,
      createReport((line) => lines.push(line)),
    ),
    lines,
  }
}

describe("the environment's configuration", () => {
  test.each([
    [{}, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://host:4318" }, "http://host:4318/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://host:4318/base/" }, "http://host:4318/base/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://host/x", OTEL_EXPORTER_OTLP_ENDPOINT: "http://other" }, "http://host/x"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "" }, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://host", OTEL_TRACES_EXPORTER: "none" }, undefined],
  ])("%j sends to %s", (env, endpoint) => {
    expect(endpointOf(env as Record<string, string>)).toBe(endpoint)
  })

  test("OTEL_SDK_DISABLED is true in any case, and nothing else", () => {
    expect(["true", "TRUE", "1", "", undefined].map((OTEL_SDK_DISABLED) => isDisabled({ OTEL_SDK_DISABLED }))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
  })

  test("headers and resource attributes are percent-decoded pairs", () => {
    const { config } = read({ OTEL_EXPORTER_OTLP_HEADERS: "api-key=a%20b, x = y=z", OTEL_RESOURCE_ATTRIBUTES: "team=a,__proto__=b" })
    expect(config.headers).toEqual({ "api-key": "a b", x: "y=z" })
    expect([...config.resource]).toEqual([
      ["team", "a"],
      ["__proto__", "b"],
    ])
  })

  test("a wrong value is one clear line each, and the default stays", () => {
    const { config, lines } = read({
      OTEL_EXPORTER_OTLP_TIMEOUT: "soon",
      OTEL_EXPORTER_OTLP_COMPRESSION: "brotli",
      OTEL_TRACES_SAMPLER: "sometimes",
      OTEL_PROPAGATORS: "tracecontext,smoke-signals",
      OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: "-1",
      OTEL_TRACES_EXPORTER: "console",
      OTEL_SDK_DISABLED: "1",
      ANTIFREEZE_WATCHDOG: "yes",
    })
    expect(config.timeoutMs).toBe(300)
    expect(config.compression).toBe("auto")
    expect(config.propagators.map(({ name }) => name)).toEqual(["tracecontext"])
    expect(config.limits).toEqual({})
    expect(lines).toHaveLength(8)
  })

  test("never shows the value of a header", () => {
    expect(read({ OTEL_EXPORTER_OTLP_HEADERS: "secret-without-a-name" }).lines.join()).not.toContain("secret")
  })

  test.each([
    ["always_off", undefined, 0],
    ["parentbased_always_on", undefined, 1_000],
    ["parentbased_traceidratio", "0.25", 250],
    ["traceidratio", "2", 1_000],
  ])("sampler %s with %s records about %i of 1,000 traces", (OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG, expected) => {
    const { config } = read({ OTEL_TRACES_SAMPLER, ...(OTEL_TRACES_SAMPLER_ARG && { OTEL_TRACES_SAMPLER_ARG }) })
    // Trace ids whose random part is spread evenly.
    const ids = Array.from(
      { length: 1_000 },
      (_, index) =>
        `${"0".repeat(18)}${Math.floor((index / 1_000) * 2 ** 56)
          .toString(16)
          .padStart(14, "0")}`,
    )
    expect(ids.filter((id) => config.sampler(id)).length).toBe(expected)
  })
})

describe("options in code", () => {
  test.each([
    [{ sampleRate: 2 }, "sampleRate=2 is ignored. Give a number from 0 to 1."],
    [{ sampleRate: Number.NaN }, "sampleRate=NaN is ignored. Give a number from 0 to 1."],
    [{ timeoutMs: -1 }, "timeoutMs=-1 is ignored. Give milliseconds."],
    [{ endpoint: "not a url" }, "endpoint=not a url is ignored. Give an http or https URL."],
    [{ endpoint: "ftp://host" }, "endpoint=ftp://host is ignored. Give an http or https URL."],
    [{ endpoint: "" }, "endpoint= is ignored. Give an http or https URL."],
    [{ compression: "br" }, "compression=br is ignored. Give gzip or none."],
    [{ endpoint: "htp://user:password@host" }, "endpoint=htp://host is ignored. Give an http or https URL."],
    [{ limits: { tags: -3, valueLength: "x" } }, "limits={ tags: -3, valueLength: 'x' } is ignored. Give numbers of 0 or more."],
    [{ limits: null }, "limits=null is ignored. Give numbers of 0 or more."],
    [{ sampleRate: null }, "sampleRate=null is ignored. Give a number from 0 to 1."],
    [{ sampleRate: "" }, "sampleRate= is ignored. Give a number from 0 to 1."],
    [{ propagators: 5 }, "propagators=5 is ignored. Give a list."],
  ])("%j is one line of log, and left out", (options, line) => {
    const said: string[] = []
    expect(
      soundOptions(
        { serviceName: "kept", ...(options as TracerOptions) },
        createReport((each) => void said.push(each)),
      ),
    ).toEqual({
      serviceName: "kept",
    })
    expect(said).toEqual([`[antifreeze] ${line}`])
  })

  test("right ones are kept as they are", () => {
    const options = { sampleRate: 0, timeoutMs: 0, endpoint: new URL("https://host"), compression: "gzip", limits: { tags: 0 } } as const
    expect(
      soundOptions(
        options,
        createReport(() => expect.unreachable()),
      ),
    ).toEqual(options)
  })

  test("propagators go by their names, or are somebody's own", () => {
    const mine: Propagator = { name: "mine", inject: (_context, set) => set("x-mine", "1"), extract: () => undefined }
    const headers = (propagators: TracerOptions["propagators"]) => {
      const tracer = createTracer({ ...(propagators && { propagators }) })
      return Object.keys(tracer.headersOf(tracer.startSpan("x"))).join()
    }
    expect(headers(undefined)).toBe("traceparent")
    expect(headers(["b3", mine])).toBe("b3,x-mine")
    expect(headers(["none"])).toBe("")
  })

  test("a fresh tracer exports nothing unless told where", () => {
    expect(createTracer().exporter).toBeUndefined()
    expect(createTracer({ endpoint: "http://127.0.0.1:1" }).exporter).toBeDefined()
    expect(createTracer({ endpoint: new URL("http://127.0.0.1:1") }).exporter).toBeDefined()
  })
})
