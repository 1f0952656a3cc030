import { createServer, type Socket } from "node:net"

/**
 * A double of SQL Server: enough of the wire protocol ([MS-TDS]) for the real client to log in, send texts, procedures and
 * transactions, and cancel them. It answers a text by what it finds in it: "nowhere" is refused, "wait" is not answered, at "lose" the
 * connection breaks; so is a login refused to a database that is called "nowhere".
 */
export async function startTds(): Promise<{ port: number; received: string[]; stop(): Promise<void> }> {
  const received: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on("close", () => sockets.delete(socket)).on("error", () => {}))
    let pending = Buffer.alloc(0)
    let message = Buffer.alloc(0)
    socket.on("data", (data) => {
      pending = Buffer.concat([pending, data])
      while (pending.length >= 8 && pending.length >= pending.readUInt16BE(2)) {
        const packet = pending.subarray(0, pending.readUInt16BE(2))
        pending = pending.subarray(packet.length)
        message = Buffer.concat([message, packet.subarray(8)])
        // 2.2.3.1.2: the last packet of a message says so.
        if ((packet.readUInt8(1) & 1) === 0) continue
        const answers = answersTo(packet.readUInt8(0), message, received)
        message = Buffer.alloc(0)
        if (answers === "lost") return void socket.destroy()
        for (const answer of answers) socket.write(Buffer.concat([header(answer.length), answer]))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  const stop = () => {
    for (const socket of sockets) socket.destroy()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return { port, received, stop }
}

function header(length: number): Buffer {
  const bytes = Buffer.from([4, 1, 0, 0, 0, 0, 1, 0])
  bytes.writeUInt16BE(length + 8, 2)
  return bytes
}

function answersTo(type: number, message: Buffer, received: string[]): Buffer[] | "lost" {
  if (type === 0x12) return [prelogin()]
  if (type === 0x10 && message.includes(ucs2("nowhere")))
    return [Buffer.concat([failure(18_456, "Login failed for user 'sa'."), done(0xfd, 2)])]
  if (type === 0x10) return [Buffer.concat([loginAck(), done(0xfd, 0)])]
  // 2.2.1.7: what was waiting ends, and the attention is acknowledged.
  if (type === 6) return [done(0xfd, 0), done(0xfd, 0x20)]
  const body = message.subarray(message.readUInt32LE(0))
  if (type === 0x0e) return [transaction(body.readUInt16LE(0))]
  // What is ASCII of the UTF-16, wherever it begins: the parameters of a procedure are not aligned.
  const text = body.toString("latin1").replaceAll("\0", "")
  received.push(text)
  if (text.includes("lose")) return "lost"
  return text.includes("wait") ? [] : [answerTo(type, text)]
}

function answerTo(type: number, text: string): Buffer {
  const end = type === 3 ? 0xfe : 0xfd
  if (text.includes("nowhere")) return Buffer.concat([failure(208, "Invalid object name 'nowhere'."), done(end, 2)])
  if (text.includes("raise")) return Buffer.concat([failure(50_001, "Of the user's own"), done(end, 2)])
  if (text.startsWith("set ") || text.includes("insert bulk")) return done(end, 0)
  if (type !== 3) return Buffer.concat([row(), done(end, 0x10, 1)])
  // 2.2.7.8: what a procedure has selected ends by itself, and more comes: its status.
  const status = Buffer.from([0x79, 0, 0, 0, 0])
  return Buffer.concat([row(), done(0xff, 0x11, 1), status, text.includes("sp_prepare") ? handle() : Buffer.alloc(0), done(end, 0)])
}

/** 2.2.6.5: version, and encryption that is not supported. */
function prelogin(): Buffer {
  return Buffer.from([0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, 2])
}

function loginAck(): Buffer {
  const name = ucs2("double")
  return token(0xad, Buffer.concat([Buffer.from([1, 0x74, 0, 0, 4, 6]), name, Buffer.from([16, 0, 0, 0])]))
}

/** 2.2.6.9: begin, commit or roll back; the answer has the new descriptor or the old. */
function transaction(kind: number): Buffer {
  const descriptor = Buffer.from([8, 1, 0, 0, 0, 0, 0, 0, 0])
  const change = kind === 5 ? [Buffer.from([8]), descriptor, Buffer.from([0])] : [Buffer.from([kind === 7 ? 9 : 10, 0]), descriptor]
  return Buffer.concat([token(0xe3, Buffer.concat(change)), done(0xfd, 0)])
}

/** One row of one number, named a. */
function row(): Buffer {
  const name = Buffer.from([1, 0x61, 0])
  return Buffer.concat([Buffer.from([0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0x38]), name, Buffer.from([0xd1, 7, 0, 0, 0])])
}

/** 2.2.7.19: the value of an output parameter, a number. */
function handle(): Buffer {
  const name = Buffer.concat([Buffer.from([6]), ucs2("handle")])
  return Buffer.concat([Buffer.from([0xac, 0, 0]), name, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0x26, 4, 4, 1, 0, 0, 0])])
}

function failure(number: number, text: string): Buffer {
  const start = Buffer.alloc(8)
  start.writeUInt32LE(number)
  start.writeUInt8(1, 4)
  start.writeUInt8(16, 5)
  start.writeUInt16LE(text.length, 6)
  return token(0xaa, Buffer.concat([start, ucs2(text), Buffer.from([0, 0, 1, 0, 0, 0])]))
}

function done(kind: number, status: number, count = 0): Buffer {
  const bytes = Buffer.alloc(13)
  bytes.writeUInt8(kind)
  bytes.writeUInt16LE(status, 1)
  bytes.writeUInt16LE(0xc1, 3)
  bytes.writeUInt8(count, 5)
  return bytes
}

function token(kind: number, body: Buffer): Buffer {
  const start = Buffer.from([kind, 0, 0])
  start.writeUInt16LE(body.length, 1)
  return Buffer.concat([start, body])
}

function ucs2(text: string): Buffer {
  return Buffer.from(text, "utf16le")
}
