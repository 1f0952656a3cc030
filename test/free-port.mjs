import { once } from "node:events"
import { createServer } from "node:net"

/** A port for a server that somebody else starts, later. */
export async function freePort() {
  for (;;) {
    // Below the ports that the system hands out by itself: between here and the server's start nobody else is given it.
    const port = 12_000 + Math.floor(Math.random() * 20_000)
    const server = createServer().listen(port, "127.0.0.1")
    const isFree = await new Promise((resolve) => server.once("listening", () => resolve(true)).once("error", () => resolve(false)))
    if (!isFree) continue
    await once(server.close(), "close")
    return port
  }
}
