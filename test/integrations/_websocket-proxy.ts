import { connect } from "node:net"
import { client as load } from "./_stores.ts"

interface WebSocket {
  on(event: string, listener: (data: Uint8Array) => void): void
  send(data: Uint8Array): void
  close(): void
}
interface Server {
  on(event: string, listener: (socket: WebSocket, request: { url: string }) => void): void
  once(event: string, listener: () => void): void
  address(): { port: number }
  close(): void
}
const { WebSocketServer } = load<{ WebSocketServer: new (options: object) => Server }>("ws")

/** Passes on what comes through a web socket to the TCP address that its URL names, and back: as Neon's own proxy does. */
export async function startProxy(): Promise<{ port: number; stop(): void }> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" })
  server.on("connection", (socket, { url }) => {
    const [host, port] = (new URL(url, "ws://x").searchParams.get("address") ?? "").split(":")
    const tcp = connect(Number(port), host)
    socket.on("message", (data) => void tcp.write(data))
    socket.on("close", () => tcp.destroy())
    tcp.on("data", (data) => socket.send(data))
    tcp.on("close", () => socket.close())
    tcp.on("error", () => socket.close())
  })
  await new Promise<void>((resolve) => server.once("listening", resolve))
  return { port: server.address().port, stop: () => server.close() }
}
