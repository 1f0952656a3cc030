import type { ReceivedSpan } from "../../src/otlp/types.ts"
import { received } from "../otlp/_records.ts"

/** A cold start that takes an order: the trace of the README. */
export function checkout(): ReceivedSpan[] {
  const link = {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    traceFlags: 1,
    traceState: "",
    tags: new Map(),
  }
  return received(
    {
      id: 1,
      name: "POST /orders",
      atMs: 62,
      forMs: 214.6,
      tags: { "span.kind": "server", "faas.coldstart": true, "http.response.status_code": 201 },
    },
    { id: 2, parent: 1, name: "init", forMs: 61.3 },
    {
      id: 3,
      parent: 1,
      name: "DynamoDB.GetItem",
      atMs: 64.2,
      forMs: 18.4,
      tags: { "span.kind": "client", "server.address": "dynamodb.eu-central-1.amazonaws.com" },
    },
    {
      id: 4,
      parent: 1,
      name: "POST",
      atMs: 84,
      forMs: 121.5,
      tags: {
        "span.kind": "client",
        "url.full": "https://api.payments.example/charges",
        "http.response.status_code": 201,
      },
    },
    {
      id: 5,
      parent: 4,
      name: "POST /charges",
      atMs: 97,
      forMs: 98.2,
      service: "payments",
      tags: { "span.kind": "server", "http.response.status_code": 201 },
      more: { parentIsRemote: true },
    },
    {
      id: 6,
      parent: 5,
      name: "INSERT charges",
      atMs: 104,
      forMs: 31.7,
      service: "payments",
      tags: { "span.kind": "client", "db.collection.name": "charges" },
    },
    {
      id: 7,
      parent: 1,
      name: "GET",
      atMs: 206.9,
      forMs: 50.3,
      tags: {
        "span.kind": "client",
        "url.full": "https://stock.example/items/7",
        error: true,
        "error.kind": "ECONNRESET",
        "error.message": "socket hang up",
      },
    },
    {
      id: 8,
      parent: 1,
      name: "send orders",
      atMs: 258.1,
      forMs: 16.2,
      tags: { "span.kind": "producer", "messaging.destination.name": "orders" },
      more: { links: [link] },
    },
  )
}
