/**
 * The line that a start ends with: where the gateway is, what it consists of, and the next thing to try.
 */

export interface BannerFacts {
  readonly version: string;
  readonly host: string;
  readonly ports: readonly number[];
  /** Where the admin API listens. */
  readonly admin: { readonly host: string; readonly port: number };
  readonly workers: number;
  /** As `describeTarget` names it, or undefined for the embedded broker. */
  readonly redis: string | undefined;
}

export interface Banner {
  readonly message: string;
  /** The same for programs that read the log. */
  readonly fields: {
    readonly urls: readonly string[];
    readonly admin: string;
    readonly workers: number;
    readonly broker: string;
    readonly try: readonly string[];
  };
}

export function banner({ version, host, ports, admin, workers, redis }: BannerFacts): Banner {
  const address = urlHost(host);
  const first = ports[0] ?? 0;
  const last = ports.at(-1) ?? first;
  const adminUrl = `http://${urlHost(admin.host)}:${admin.port}`;
  const listening = `http://${address}:${first}${last === first ? "" : ` to :${last}`}`;
  const broker = redis === undefined ? "embedded" : redis;
  const commands = [
    `npx wscat -c 'ws://${address}:${first}/ws?channels=news'`,
    `npx holdfast publish news '{"hello":1}'${admin.port === 9080 && isDefaultAdmin(admin.host) ? "" : ` --admin ${adminUrl}`}`,
  ];
  const crew = `${workers} ${workers === 1 ? "worker" : "workers"}`;
  const joined = redis === undefined ? "embedded broker" : `broker ${redis}`;
  return {
    message: `holdfast ${version} on ${listening} · ${crew} · ${joined} · try: ${commands.join("  and  ")}`,
    fields: {
      urls: ports.map((port) => `http://${address}:${port}`),
      admin: adminUrl,
      workers,
      broker,
      try: commands,
    },
  };
}

/** A host as a URL on this machine names it: every address becomes loopback, IPv6 gets its brackets. */
export function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

function isDefaultAdmin(host: string): boolean {
  return ["127.0.0.1", "localhost", "0.0.0.0", "::"].includes(host);
}
