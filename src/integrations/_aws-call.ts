/** What every HTTP client can say of a request before it is sent. */
export interface SignedRequest {
  readonly method: string
  /** `host` or `host:port`. */
  readonly authority: string
  /** Path and query. */
  readonly target: string
  /** The value of a header, by lower-case name. */
  readonly header: (name: string) => string | undefined
}

/** One attempt of a call to an AWS service, as far as the request line and the headers tell. */
export interface AwsCall {
  /** As the conventions and the SDK call it: `DynamoDB`, `Secrets Manager`. */
  readonly service: string
  /** The signing name: `dynamodb`, `secretsmanager`. The same for all protocols. */
  readonly scope: string
  readonly region: string | undefined
  /** `undefined` until the body is known (query protocol), or where nothing tells it. */
  readonly operation: string | undefined
  readonly method: string
  readonly host: string
  readonly port: number
  readonly path: string
  readonly query: string
  /** The same for all attempts of one operation (SDK 3). */
  readonly invocationId: string | undefined
  /** Signed in its URL, for anybody to send: nothing may be added. */
  readonly isPresigned: boolean
  readonly header: (name: string) => string | undefined
}

/** Signed like AWS's own services, but what answers is a user's: an HTTP call like any other. */
const USERS_OWN = new Set("execute-api appsync vpc-lattice-svcs es aoss aps neptune-db osis kafka-cluster rds-db elasticache".split(" "))

/** A call to an AWS service by any client that signs (SDK 3 and 2, aws4fetch, …), or `undefined`. Pure. */
export function awsCallOf({ method, authority, target, header }: SignedRequest): AwsCall | undefined {
  const authorization = header("authorization")
  const isPresigned = authorization === undefined && target.includes("X-Amz-Credential=")
  const place = placeOf(authority, isPresigned ? target.replaceAll("%2F", "/") : (authorization ?? ""))
  const { region, host, port } = place
  const scope = place.scope ?? agentOf(header) ?? host.split(".", 1)[0] ?? ""
  const [path, query = ""] = split(target, "?")
  const isManagement = path.includes("/@connections/")
  if ((USERS_OWN.has(scope) && !isManagement) || (scope === "lambda" && host.includes(".lambda-url."))) return undefined
  return {
    service: isManagement ? "ApiGatewayManagementApi" : serviceName(scope, header),
    scope,
    region,
    operation: operationOf(scope, method, host, path, query, header),
    method,
    host,
    port,
    path,
    query,
    invocationId: header("amz-sdk-invocation-id"),
    isPresigned,
    header,
  }
}

interface Place extends Pick<AwsCall, "region" | "host" | "port"> {
  /** What a signature begins with until the day is over. */
  readonly credential: string
  readonly scope: string | undefined
}

/** A client has one host, one region and one service: what its last request has told is right for the next. */
const places = new Map<string, Place>()
const MAX_PLACES = 64

function placeOf(authority: string, signed: string): Place {
  const known = places.get(authority)
  if (known !== undefined && known.credential !== "" && signed.startsWith(known.credential)) return known
  // Signature Version 4 and 4A: `Credential={key}/{date}/[{region}/]{service}/aws4_request`.
  const end = signed.indexOf("/aws4_request")
  const parts = end < 0 ? [] : signed.slice(signed.lastIndexOf("Credential=", end), end).split("/")
  const colon = authority.endsWith("]") ? -1 : authority.lastIndexOf(":")
  const host = colon < 0 ? authority : authority.slice(0, colon)
  const place: Place = {
    credential: end < 0 ? "" : signed.slice(0, end + 1),
    scope: parts.at(-1),
    region: parts.length > 3 ? parts[2] : /\.([a-z]{2,}(?:-[a-z]+)+-\d)\./.exec(host)?.[1],
    host: host[0] === "[" ? host.slice(1, -1) : host,
    port: colon < 0 ? 443 : Number(authority.slice(colon + 1)),
  }
  if (places.size >= MAX_PLACES) places.clear()
  places.set(authority, place)
  return place
}

/** Whether the SDK makes another attempt when this one fails. */
export function isLastAttempt({ header, invocationId }: AwsCall): boolean {
  const [, attempt = "1", max = attempt] = /attempt=(\d+)(?:; max=(\d+))?/.exec(header("amz-sdk-request") ?? "") ?? []
  return invocationId === undefined || Number(attempt) >= Number(max)
}

/** `… api/dynamodb#3.1163.0 …` in a user agent. */
function agentOf(header: AwsCall["header"]): string | undefined {
  const userAgent = header("user-agent") ?? header("x-amz-user-agent") ?? ""
  const start = userAgent.indexOf(" api/")
  const end = start < 0 ? -1 : userAgent.indexOf("#", start)
  return end < 0 ? undefined : userAgent.slice(start + 5, end)
}

/** Service ids that are more than their signing name in capitals, and those that are asked for most. */
const NAMES: Readonly<Record<string, string>> = {
  dynamodb: "DynamoDB",
  sqs: "SQS",
  sns: "SNS",
  s3: "S3",
  lambda: "Lambda",
  kinesis: "Kinesis",
  events: "EventBridge",
  states: "SFN",
  secretsmanager: "Secrets Manager",
  monitoring: "CloudWatch",
  logs: "CloudWatch Logs",
  bedrock: "Bedrock Runtime",
  "cognito-idp": "Cognito Identity Provider",
}

/** Whose name in a user agent it is, where services with longer ones share it: `bedrock_agent_runtime`, `s3_control`. */
const SHARED: Readonly<Record<string, string>> = { bedrock: "bedrock_runtime", s3: "s3" }

function serviceName(scope: string, header: AwsCall["header"]): string {
  const [name, owner] = [NAMES[scope], SHARED[scope]]
  if (name !== undefined && owner === undefined) return name
  const agent = agentOf(header)
  if (name !== undefined && (agent === undefined || agent === owner)) return name
  const words = (agent ?? scope).split(/[_-]/)
  return words.map((word) => word.replace(/^\w{1,3}(?=(v\d)?$)|^./, (start) => start.toUpperCase())).join(" ")
}

function operationOf(
  scope: string,
  method: string,
  host: string,
  path: string,
  query: string,
  header: AwsCall["header"],
): string | undefined {
  const target = header("x-amz-target")
  if (target !== undefined) return target.slice(target.lastIndexOf(".") + 1)
  const smithy = path === "/" ? null : /^\/service\/[^/]+\/operation\/(\w+)$/.exec(path)
  if (smithy !== null) return smithy[1]
  if (scope === "s3") return s3Operation(method, host, path, query, header)
  for (const [service, verb, form, operation] of REST) {
    if (service === scope && verb === method && form.test(path)) return operation
  }
  return undefined
}

/** REST protocols name no operation; these are the ones that functions call. */
const REST: readonly (readonly [scope: string, method: string, path: RegExp, operation: string])[] = [
  ["lambda", "POST", /\/functions\/[^/]+\/invocations$/, "Invoke"],
  ["lambda", "POST", /\/response-streaming-invocations$/, "InvokeWithResponseStream"],
  ["lambda", "GET", /\/functions\/[^/]+$/, "GetFunction"],
  ["bedrock", "POST", /\/invoke$/, "InvokeModel"],
  ["bedrock", "POST", /\/invoke-with-response-stream$/, "InvokeModelWithResponseStream"],
  ["bedrock", "POST", /\/converse$/, "Converse"],
  ["bedrock", "POST", /\/converse-stream$/, "ConverseStream"],
  ["ses", "POST", /\/outbound-emails$/, "SendEmail"],
  ["ses", "POST", /\/outbound-bulk-emails$/, "SendBulkEmail"],
  ["scheduler", "POST", /^\/schedules\/[^/]+$/, "CreateSchedule"],
  ["scheduler", "PUT", /^\/schedules\/[^/]+$/, "UpdateSchedule"],
  ["scheduler", "GET", /^\/schedules\/[^/]+$/, "GetSchedule"],
  ["scheduler", "DELETE", /^\/schedules\/[^/]+$/, "DeleteSchedule"],
  ["iotdata", "POST", /^\/topics\//, "Publish"],
  ["appconfig", "GET", /^\/configuration$/, "GetLatestConfiguration"],
  ["execute-api", "POST", /\/@connections\//, "PostToConnection"],
  ["execute-api", "DELETE", /\/@connections\//, "DeleteConnection"],
]

/** Bucket and key of an S3 request, whether the bucket is named by the host or by the path. */
export function s3Place({ host, path }: Pick<AwsCall, "host" | "path">): { bucket: string | undefined; key: string | undefined } {
  const named = /^(.+)\.s3[.-]/.exec(host)?.[1]
  const [, first, rest] = named === undefined ? (/^\/([^/]*)\/?(.*)$/.exec(path) ?? []) : ["", named, path.slice(1)]
  return { bucket: first || undefined, key: rest || undefined }
}

const S3_VERBS: Readonly<Record<string, string>> = { GET: "Get", PUT: "Put", POST: "Post", DELETE: "Delete", HEAD: "Head" }
/** Parameters that modify a request and do not name what it is about. */
const S3_PLAIN =
  /^(x-id|prefix|delimiter|marker|max-.*|versionId|encoding-type|continuation-token|start-after|fetch-owner|response-.*|part-number-marker|X-Amz-.*|list-type)$/i

function s3Operation(method: string, host: string, path: string, query: string, header: AwsCall["header"]): string {
  const parameters = new Map(query.split("&").map((pair) => split(pair, "=") as [string, string | undefined]))
  const id = parameters.get("x-id")
  if (id) return id
  const { bucket, key } = s3Place({ host, path })
  const verb = S3_VERBS[method] ?? method
  if (bucket === undefined) return "ListBuckets"
  if (parameters.has("uploads")) return method === "POST" ? "CreateMultipartUpload" : "ListMultipartUploads"
  if (parameters.has("uploadId")) {
    return { PUT: "UploadPart", POST: "CompleteMultipartUpload", DELETE: "AbortMultipartUpload" }[method] ?? "ListParts"
  }
  if (parameters.has("delete")) return "DeleteObjects"
  if (parameters.get("list-type") === "2") return "ListObjectsV2"
  const about = [...parameters.keys()].find((name) => name !== "" && !S3_PLAIN.test(name))
  const what = key === undefined ? "Bucket" : "Object"
  if (about !== undefined) return `${verb}${what}${(about[0] ?? "").toUpperCase()}${about.slice(1)}`
  if (key === undefined) return method === "GET" ? "ListObjects" : method === "PUT" ? "CreateBucket" : `${verb}Bucket`
  return header("x-amz-copy-source") === undefined ? `${verb}Object` : "CopyObject"
}

function split(text: string, at: string): [string, string | undefined] {
  const index = text.indexOf(at)
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)]
}
