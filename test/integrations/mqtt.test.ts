import { describe, expect, it } from "vitest"
import { mqttIntegration } from "../../src/integrations/mqtt.ts"
import { traced } from "../../src/mqtt.ts"
import { Recording, traceparentOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET } from "./_suite.ts"
import { startStore } from "./stores.mjs"

interface Packet {
  readonly properties?: { readonly userProperties?: Record<string, string> }
}
interface Client {
  publishAsync(topic: string, message: string, options?: object): Promise<unknown>
  publish(topic: string, message: string, options?: object | ((error: unknown) => void), callback?: (error: unknown) => void): Client
  subscribeAsync(topic: string, options?: object): Promise<unknown>
  on(event: "message", listener: (topic: string, message: Buffer, packet: Packet) => void): void
  removeAllListeners(event: string): void
  endAsync(): Promise<void>
}
const mqtt = load<{ connectAsync(url: string, options?: object): Promise<Client> }>("mqtt")

let port: number

behavesAsIntegration<Client>({
  integration: mqttIntegration,
  async start() {
    const store = await startStore("mosquitto")
    port = store.port
    return store.stop
  },
  connect: async () => traced(await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5 })),
  close: (client) => client.endAsync(),
  call: (client) => client.publishAsync("doors/1", SECRET, { qos: 1 }).then(() => "sent"),
  span: {
    name: "publish doors/1",
    tags: () => ({
      "span.kind": "producer",
      "messaging.system": "mqtt",
      "messaging.operation.name": "publish",
      "messaging.operation.type": "send",
      "messaging.destination.name": "doors/1",
      "messaging.message.body.size": SECRET.length,
      "server.address": "127.0.0.1",
      "server.port": port,
    }),
  },
  async fail() {
    const closed = traced(await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5 }))
    await closed.endAsync()
    return closed.publishAsync("doors/1", SECRET)
  },
  failure: { "error.message": "client disconnecting" },

  async transcript(client, write) {
    const settle = (what: string, promise: Promise<unknown>) =>
      promise.then(
        () => write(what),
        (error) => write(`${what} failed`, error),
      )
    let count = 0
    const all = new Promise<void>((resolve) => {
      client.on("message", (topic, message, { properties }) => {
        write("heard", topic, String(message), properties?.userProperties?.["mine"])
        if (++count === 14) resolve()
      })
    })
    await client.subscribeAsync("doors/#", { qos: 2 })
    for (let at = 0; at < 10; at++) {
      await client.publishAsync(`doors/${at}`, `${SECRET}${at}`, { qos: at % 3 })
      write("sent", at)
    }
    const options = { qos: 1, properties: { userProperties: { mine: "1" } } }
    await client.publishAsync("doors/own", SECRET, options)
    write("their options", JSON.stringify(options))
    await new Promise<void>((resolve) => {
      client.publish("doors/callback", "x", (error) => {
        write("called", error)
        resolve()
      })
    })
    write("gives itself", client.publish("doors/none", "x") === client)
    await new Promise<void>((resolve) => {
      client.publish("doors/both", "x", { qos: 1 }, (error) => {
        write("called", error)
        resolve()
      })
    })
    await all
    client.removeAllListeners("message")
    const closed = traced(await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`))
    await settle("version 4", closed.publishAsync("other", "x"))
    await closed.endAsync()
    await settle("closed", closed.publishAsync("other", "x"))
  },
})

describe("mqtt", () => {
  it("carries the trace in the user properties of MQTT 5", async () => {
    const store = await startStore("mosquitto")
    const recording = new Recording().watch(mqttIntegration)
    const client = traced(await mqtt.connectAsync(`mqtt://127.0.0.1:${store.port}`, { protocolVersion: 5 }))
    await client.subscribeAsync("jobs")
    const heard = new Promise<Packet>((resolve) => client.on("message", (_topic, _message, packet) => resolve(packet)))
    const { spans } = await recording.children(() => client.publishAsync("jobs", SECRET, { properties: { userProperties: { mine: "1" } } }))
    expect({ ...(await heard).properties?.userProperties }).toEqual({ mine: "1", traceparent: traceparentOf(spans[0]) })
    recording.unwatch()
    await client.endAsync()
    await store.stop()
  })
})
