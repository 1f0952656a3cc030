import https from "node:https"
import { tracer, withTracing } from "antifreeze"

const { PRICES_URL, STOCK_URL } = process.env

/** GET /orders/{id}: prices by fetch, stock by node:https, both at once; then a span of our own. */
export const handler = withTracing(async (event) => {
  const { id } = event.pathParameters
  const [prices, stock] = await Promise.all([
    fetch(`${PRICES_URL}/prices/${id}`).then((response) => response.json()),
    getJson(`${STOCK_URL}/stock/${id}`),
  ])
  const order = await tracer.startActiveSpan("assemble order", async (span) => {
    span.setTag("order.items", prices.items.length)
    await new Promise((resolve) => setTimeout(resolve, 8))
    return { id, total: prices.items.reduce((sum, price) => sum + price, 0), inStock: stock.inStock }
  })
  return { statusCode: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(order) }
})

function getJson(url) {
  return new Promise((resolve, reject) => {
    const request = https.get(url, (response) => {
      const chunks = []
      response.on("data", (chunk) => chunks.push(chunk))
      response.on("end", () => resolve(JSON.parse(Buffer.concat(chunks).toString())))
    })
    request.on("error", reject)
  })
}
