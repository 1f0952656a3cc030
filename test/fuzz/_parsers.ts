/** Everything that reads what others have written, with samples of what it is meant to read. */
import { readFileSync } from "node:fs"
import { maskedText } from "../../src/core/mask.ts"
import { b3MultiPropagator, b3Propagator } from "../../src/core/propagation/b3.ts"
import { formatBaggage, parseBaggage } from "../../src/core/propagation/baggage.ts"
import { binaryFormat } from "../../src/core/propagation/binary.ts"
import { extractContext } from "../../src/core/propagation/carrier.ts"
import { jaegerPropagator } from "../../src/core/propagation/jaeger.ts"
import { normaliseTraceState } from "../../src/core/propagation/tracestate.ts"
import { parseTraceparent, w3cPropagators } from "../../src/core/propagation/w3c.ts"
import { parseTraceHeader, rewriteTraceHeader, xrayPropagator } from "../../src/core/propagation/xray.ts"
import { redactQuery, redactUrl } from "../../src/core/redact.ts"
import { createReport } from "../../src/core/report.ts"
import { readSql } from "../../src/integrations/_sql.ts"
import { DecodeError, decodeTraces } from "../../src/otlp/decode.ts"
import { checksum, entryOf, readEntries } from "../../src/platforms/lambda/journal-entries.ts"
import { createReplyReader } from "../../src/platforms/lambda/replies.ts"
import { readConfig } from "../../src/platforms/node/config.ts"
import { recognise } from "../../src/triggers/recognise.ts"

export interface Parser {
  readonly name: string
  readonly samples: readonly string[]
  /** Reads the text; throws when it throws what it must not, or gives what it must not. */
  readonly read: (text: string) => void
  /** Whether it reads what comes in a header, where a megabyte must cost next to nothing. */
  readonly header?: boolean
}

/** What must never go out in a header (RFC 9110, 5.5). */
function expectClean(text: string, what: string): void {
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(text)) throw new Error(`${what} would put a control character into a header: ${JSON.stringify(text)}`)
}

const IDS = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" }
const ALL = [...w3cPropagators, b3Propagator, b3MultiPropagator, jaegerPropagator, xrayPropagator]
export const HEADERS: readonly string[] = [
  "traceparent",
  "tracestate",
  "baggage",
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "uber-trace-id",
  "uberctx-a",
  "x-amzn-trace-id",
]
const silent = createReport()

/** What comes in on any header goes out clean on all of them. */
export function through(headers: Readonly<Record<string, string>>): void {
  const found = extractContext(ALL, headers)
  if (found === undefined) return
  for (const propagator of ALL) propagator.inject(found, (name, value) => expectClean(name + value, propagator.name))
}

const span = {
  ...IDS,
  name: "s",
  startTimeUnixNano: "1",
  endTimeUnixNano: "2",
  attributes: [{ key: "antifreeze.unfinished", value: { boolValue: true } }],
}
const body = JSON.stringify({ resourceSpans: [{ resource: { attributes: [] }, scopeSpans: [{ scope: { name: "s" }, spans: [span] }] }] })

export const parsers: readonly Parser[] = [
  {
    name: "traceparent",
    header: true,
    samples: [`00-${IDS.traceId}-${IDS.spanId}-01`, `cc-${IDS.traceId}-${IDS.spanId}-01-what-the-future-will-be-like`],
    read(text) {
      parseTraceparent(text)
      through({ traceparent: text })
    },
  },
  {
    name: "tracestate",
    header: true,
    samples: ["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "a@b=1, c=2 ,,d=3", Array.from({ length: 40 }, (_, n) => `k${n}=v`).join()],
    read(text) {
      expectClean(normaliseTraceState([text, text]), "tracestate")
      through({ traceparent: `00-${IDS.traceId}-${IDS.spanId}-01`, tracestate: text })
    },
  },
  {
    name: "baggage",
    header: true,
    samples: ["userId=alice,serverNode=DF%2028,isProduction=false;prop=1;p2", "a=%E4%BD%A0,b= c ;d", "k=v,".repeat(70)],
    read(text) {
      expectClean(formatBaggage(parseBaggage([text])), "baggage")
      through({ traceparent: `00-${IDS.traceId}-${IDS.spanId}-01`, baggage: text })
    },
  },
  { name: "b3", header: true, samples: [`${IDS.traceId}-${IDS.spanId}-1-${IDS.spanId}`, "0", "d"], read: (text) => through({ b3: text }) },
  {
    name: "jaeger",
    header: true,
    samples: [`${IDS.traceId}:${IDS.spanId}:0:1`, "%3A"],
    read: (text) => through({ "uber-trace-id": text, [text]: text }),
  },
  {
    name: "x-amzn-trace-id",
    header: true,
    samples: [
      "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
      "Self=1-a-b;Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=1:a:0",
    ],
    read(text) {
      parseTraceHeader(text)
      // What X-Ray samples is left as whoever wrote it has written it.
      const rewritten = rewriteTraceHeader(text, IDS)
      if (rewritten !== text) expectClean(rewritten, "x-amzn-trace-id")
      through({ "x-amzn-trace-id": text })
    },
  },
  {
    name: "a carrier",
    samples: [
      JSON.stringify({ Traceparent: `00-${IDS.traceId}-${IDS.spanId}-01`, BAGGAGE: "a=b" }),
      `[["b3","${IDS.traceId}-${IDS.spanId}-1"]]`,
      '[{"key":"b3","value":"0"}]',
    ],
    read(text) {
      const carrier = parsed(text)
      extractContext(ALL, carrier)
      extractContext(ALL, { buffer: Buffer.from(text) }, binaryFormat)
      if (carrier !== null && typeof carrier === "object" && !Array.isArray(carrier)) through(carrier as Record<string, string>)
    },
  },
  {
    name: "OTLP",
    samples: [body, body.replace('"attributes":[]', '"attributes":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":"1"}]}}}]')],
    read(text) {
      try {
        decodeTraces(text)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    },
  },
  {
    name: "SQL",
    samples: [
      "SELECT a, 'it''s', $1 FROM \"t\" /* c /* d */ */ WHERE b IN (1, 2, 3) -- end",
      "insert into `orders` values (1, 'x\\'y'), (2, 0xff); $tag$ body $tag$",
      "WITH x AS (SELECT 1) UPDATE y SET z = E'\\n'",
    ],
    read(text) {
      for (const dialect of ["mysql", "postgresql"] as const) {
        const { summary } = readSql(text, dialect)
        if (summary.length > 255) throw new Error(`the summary has ${summary.length} characters`)
      }
    },
  },
  {
    name: "a journal",
    samples: [
      entryOf(body) + entryOf(body.replace("4bf92f", "5bf92f")),
      entryOf('{"resourceSpans":null}'),
      entryOf('{"resourceSpans":[{}]}'),
    ],
    read(text) {
      // As it is, and as one whose lines are whole: otherwise the checksum lets nothing through.
      for (const journal of [
        text,
        text
          .split("\n")
          .map((line) => `${checksum(line.slice(9))} ${line.slice(9)}`)
          .join("\n"),
      ]) {
        const found = readEntries([journal])
        if (found !== undefined) JSON.parse(found)
      }
    },
  },
  {
    name: "an event",
    samples: [
      '{"Records":[{"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:a:1:q","messageId":"m","body":"{}","messageAttributes":{"traceparent":{"stringValue":"x"}}}]}',
      '{"version":"2.0","routeKey":"$default","rawPath":"/p","rawQueryString":"a=b","headers":{"host":"h"},"requestContext":{"http":{"method":"GET"},"stage":"s"}}',
      '{"httpMethod":"GET","path":"/p","multiValueHeaders":{"Host":["h"]},"requestContext":{"elb":{"targetGroupArn":"a"}}}',
      '{"source":"aws.s3","detail-type":"x","detail":{"bucket":{"name":"b"}},"resources":["r"],"id":"1"}',
      '{"Records":[{"EventSource":"aws:sns","Sns":{"Message":"m","TopicArn":"arn:aws:sns:a:1:t","MessageAttributes":{}}}]}',
      '{"Records":[{"eventSource":"aws:kinesis","kinesis":{"data":"eyJhIjoxfQ==","partitionKey":"p"}}]}',
      '{"eventSource":"aws:kafka","records":{"t-0":[{"topic":"t","headers":[{"traceparent":[48,48]}]}]}}',
      '{"awslogs":{"data":"H4sIAAAAAAAA"}}',
    ],
    read(text) {
      const event = parsed(text)
      const trigger = recognise(event, "functions")
      trigger?.tagsOf?.({ statusCode: text })
      trigger?.tagsOf?.(event)
    },
  },
  {
    name: "a reply of the Extensions API",
    samples: [
      "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: a-b\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ],
    read(text) {
      const bytes = Buffer.from(text, "latin1")
      const replies = createReplyReader(() => {})
      for (let at = 0; at < bytes.length; at += 1 + (text.length % 50))
        if (!replies.feed(bytes.subarray(at, at + 1 + (text.length % 50)))) return
    },
  },
  {
    name: "configuration",
    samples: ["api-key=abc,other=d%20e", "tracecontext,b3,none", "parentbased_traceidratio", "http://127.0.0.1:4318/", "300"],
    read(text) {
      const names = ["ENDPOINT", "HEADERS", "TIMEOUT", "COMPRESSION", "PROTOCOL"].map((name) => `OTEL_EXPORTER_OTLP_${name}`)
      const more = ["OTEL_RESOURCE_ATTRIBUTES", "OTEL_PROPAGATORS", "OTEL_TRACES_SAMPLER", "OTEL_SPAN_EVENT_COUNT_LIMIT"]
      readConfig(Object.fromEntries([...names, ...more].map((name) => [name, text])), silent)
    },
  },
  {
    name: "a payload to mask",
    samples: [
      '{"password":"a","b":[{"name":"token","value":"c"}],"d":"{\\"secret\\":1}"}',
      "user=a&password=b%20c&d=%7B%22pin%22%3A1%7D",
      '<a><password b="c">d</password></a> Authorization: Bearer abcdefgh\r\ncard 4111 1111 1111 1111',
      "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc AKIAIOSFODNN7EXAMPLE https://u:p@h/?sig=x -----BEGIN PRIVATE KEY-----",
      "eyJwYXNzd29yZCI6ImEifQ==",
    ],
    read(text) {
      for (const value of [text, parsed(text), Buffer.from(text)]) {
        const masked = maskedText("body", value, { maxBytes: 1_000 })
        if (masked === undefined || Buffer.byteLength(masked) > 1_000) throw new Error(`masked as ${masked}`)
      }
    },
  },
  {
    name: "a URL to redact",
    samples: ["https://user:pass@host/p?sig=abc&x=1#f", "/p?X-Amz-Signature=secret&AWSAccessKeyId=a", "?sig=1"],
    read(text) {
      redactUrl(text)
      redactQuery(text)
    },
  },
]

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Inputs that were found to break something once, by the parser's name. Add to it whatever a run finds. */
export const corpus: Record<string, string[]> = JSON.parse(readFileSync(new URL("./corpus.json", import.meta.url), "utf8")) as Record<
  string,
  string[]
>
