/** Does nothing: what all others are compared with. */
export const handler = async (): Promise<unknown> => ({ statusCode: 200, body: "ok" })
