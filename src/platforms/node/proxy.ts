/** Whether the environment wants this endpoint to be reached through a proxy: never on this machine itself, and not where NO_PROXY has its host. */
export function wantsProxy(url: URL, env: Readonly<Record<string, string | undefined>>): boolean {
  const of = (name: string) => env[name.toLowerCase()] || env[name]
  const { hostname } = url
  if (hostname === "localhost" || hostname === "[::1]" || /^127\.[\d.]+$/.test(hostname)) return false
  if (!of(url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY")) return false
  const exceptions = (of("NO_PROXY") ?? "").split(",").map((entry) =>
    entry
      .trim()
      .replace(/^\*?\./, "")
      .replace(/:\d+$/, ""),
  )
  return !exceptions.some((entry) => entry === "*" || (entry !== "" && (hostname === entry || hostname.endsWith(`.${entry}`))))
}
