/** A host as a URL on this machine names it: every address becomes loopback, IPv6 gets its brackets. */
export function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
