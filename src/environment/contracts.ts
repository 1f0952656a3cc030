/** What the local execution environment takes and gives. Times named `...AtMs` are epoch milliseconds with a fraction. */

/** A Lambda runtime: a Node.js binary and what it is started with. See `runtimes.ts` for ready-made ones. */
export interface Runtime {
  /** Path of the Node.js binary. */
  readonly node: string
  /** The arguments after the binary and its flags: the runtime client to run. */
  readonly bootstrap: readonly string[]
  /** For messages and test titles. */
  readonly name: string
}

export interface EnvironmentOptions {
  /** As Lambda's handler setting: `file.export`, relative to the task root. */
  handler: string
  /** The folder of the function's code, Lambda's `/var/task`; also the working directory. */
  taskRoot: string
  runtime: Runtime
  /** Default 1769, one vCPU; below that, CPU is given in proportion during invocations. */
  memoryMb?: number | undefined
  /** Default 3000. */
  timeoutMs?: number | undefined
  /** Default 10000, as on AWS. After that the init is started again inside the first invocation. */
  initTimeoutMs?: number | undefined
  /** Added to what Lambda sets, and winning over it. Nothing else of this process's environment gets in, but PATH. */
  env?: Record<string, string> | undefined
  functionName?: string | undefined
  /** Added after the flags that AWS passes to node. */
  nodeFlags?: readonly string[] | undefined
  /** A folder that plays `/opt`: its `nodejs/node_modules` comes first on NODE_PATH. */
  optRoot?: string | undefined
  /** Called with each line as it is written, without its end. */
  onLog?: ((line: string, stream: "stdout" | "stderr") => void) | undefined
  /** Bytes of output kept per invocation. Default 1 MiB. */
  logLimitBytes?: number | undefined
  /** Lambda Managed Instances: this many invocations at once, several runtimes polling, and no freeze. */
  maxConcurrency?: number | undefined
  /** A fault for tests: registering is answered 403, after a delay, or with bytes that are not HTTP. Default `on`. */
  extensionsApi?: "on" | "refuse" | "slow" | "garbled" | undefined
  /** The delay of `slow`. Default 1000. */
  extensionsDelayMs?: number | undefined
}

export interface InvokeOptions {
  requestId?: string | undefined
  /** The X-Amzn-Trace-Id to hand to the function. Default: a new, unsampled one. */
  traceHeader?: string | undefined
  /** Sent as JSON, as the function sees it in `context.clientContext`. */
  clientContext?: unknown
  /** Sent as JSON, as the function sees it in `context.identity`. */
  cognitoIdentity?: unknown
  tenantId?: string | undefined
  /** Epoch milliseconds. Default: now plus the function's timeout. */
  deadlineMs?: number | undefined
  /** Called when the response has been received, long before `invoke` resolves if an extension holds the environment. */
  onResponse?: ((payload: Buffer) => void) | undefined
}

/** An error as the client of the function gets it. */
export interface ReportedError {
  errorType: string
  errorMessage: string
  trace?: string[]
}

export interface Invocation {
  requestId: string
  /** The first invocation of its process: after an init, also one that follows a timeout or a crash. */
  coldStart: boolean
  /** What the client gets: the bytes as posted, or the platform's own error. */
  payload: Buffer
  /** The request headers of the response as posted, lower case; empty when the platform answered. */
  headers: Record<string, string>
  streaming: boolean
  /** The error type, when the function failed. */
  functionError: string | undefined
  error: ReportedError | undefined
  /** Spawn to everything at `next`; only with `coldStart`. */
  initMs: number | undefined
  /** Event handed out to response fully received. */
  responseMs: number
  /** Event handed out to the first byte of the response. */
  firstByteMs: number | undefined
  /** Event handed out to the runtime at `next`. */
  runtimeDoneMs: number | undefined
  /** Response to the runtime and every extension at `next`: how long the freeze was held off. */
  heldMs: number
  /** Lambda's Duration: event (or re-init) to everything at `next`. */
  durationMs: number
  /** Lambda's Billed Duration: init and duration, in whole milliseconds. */
  billedMs: number
  eventAtMs: number
  respondedAtMs: number
  /** `undefined` when the environment was not frozen: reset instead, or concurrent. */
  frozenAtMs: number | undefined
  /** Why the environment was reset after this invocation, e.g. `Sandbox.Timedout`, also when the client had its response. */
  reset: string | undefined
  /** Standard output and error since the previous invocation, init included. */
  logs: string
  extensionRegistered: boolean
  /** Names of the registered extensions. */
  extensions: string[]
}

export interface Environment {
  /** Runs the Init phase now rather than in the first invocation, like provisioned concurrency. Resolves with its milliseconds. */
  init(): Promise<number>
  /** One invocation; they queue up. `event` is sent as JSON, a Buffer as it is. Function errors resolve, they do not reject. */
  invoke(event: unknown, options?: InvokeOptions): Promise<Invocation>
  /** The Shutdown phase. Leaves no process and no temporary folder behind. */
  close(): Promise<void>
  /** The runtime's process, also the id of its process group; `undefined` while there is none. */
  readonly pid: number | undefined
  readonly frozen: boolean
  /** The function's TMPDIR, kept across resets and removed by `close`. */
  readonly tmpDir: string
  /** `host:port` of the Runtime API; `undefined` before the first init. */
  readonly runtimeApi: string | undefined
  readonly functionArn: string
}
