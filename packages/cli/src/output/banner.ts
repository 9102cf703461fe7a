/**
 * What a start ends with: where the gateway is, what it consists of, and the next thing to try.
 *
 * A block of lines for people, one line with fields for programs. Invariant: no secret is in it, and each
 * suggested line works as it is on this machine, in a terminal that has the variables which the note above it
 * names.
 */
import type { Settings } from "../config/schema.js";
import { envOf, flagOf } from "../config/setting.js";
import { quoted } from "../invocation.js";

export interface BannerFacts {
  readonly version: string;
  /** How this program is called. */
  readonly program: string;
  readonly host: string;
  readonly ports: readonly number[];
  /** Where the admin API listens. */
  readonly admin: { readonly host: string; readonly port: number };
  readonly workers: number;
  /** As `describeTarget` names it, or undefined for the embedded broker. */
  readonly redis: string | undefined;
  /** Why the instance is not ready yet, one sentence each. */
  readonly notReady: readonly string[];
  readonly access: AccessHint;
}

/** What a client must come with, and what a terminal must know for that. */
export interface AccessHint {
  /** `secret`: this program can sign a token; `issuer`: only the application can say who a client is. */
  readonly kind: "open" | "secret" | "issuer";
  /** Flags with which `token create` signs what this gateway takes. */
  readonly flags: readonly string[];
  /** Variables without which the suggested lines do not work. */
  readonly variables: readonly string[];
}

export interface Banner {
  /** For a terminal. */
  readonly block: string;
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

const DEFAULT_WHERE = "127.0.0.1:8080";
const DEFAULT_ADMIN = "127.0.0.1:9080";

export function banner(facts: BannerFacts): Banner {
  const { version, host, ports, admin, workers, redis, notReady } = facts;
  const address = urlHost(host);
  const first = ports[0] ?? 0;
  const last = ports.at(-1) ?? first;
  const where = `${address}:${first}`;
  const range = last === first ? "" : ` to :${last}`;
  const adminAt = `${urlHost(admin.host)}:${admin.port}`;
  const commands = suggestions(facts, where, adminAt);
  const crew = `${workers} ${workers === 1 ? "worker" : "workers"}`;
  const broker = redis ?? "embedded";
  const joined = redis === undefined ? "embedded broker" : `broker ${redis}`;
  return {
    block: block(facts, { where, range, adminAt, broker, commands }),
    message: [
      `holdfast ${version} on http://${where}${range} · ${crew} · ${joined} · `,
      notReady.length === 0 ? "" : `not ready yet: ${notReady.join(" ")} · `,
      `try: ${commands.join("  and  ")}`,
    ].join(""),
    fields: {
      urls: ports.map((port) => `http://${address}:${port}`),
      admin: `http://${adminAt}`,
      workers,
      broker,
      try: commands,
    },
  };
}

interface Words {
  readonly where: string;
  readonly range: string;
  readonly adminAt: string;
  readonly broker: string;
  readonly commands: readonly string[];
}

function block({ version, program, workers, notReady, access }: BannerFacts, words: Words): string {
  const { where, range, adminAt, broker, commands } = words;
  const needs = access.variables.length === 0 ? "" : `, with ${access.variables.join(" and ")} as here`;
  return [
    "",
    `  Holdfast ${version}`,
    "",
    `  page     http://${where}/`,
    `  clients  ws://${where}/ws${range === "" ? "" : ` (ports${range.replace(" to :", ` to `)})`}`,
    `  admin    http://${adminAt}`,
    `  workers  ${workers}`,
    `  broker   ${broker}`,
    ...notReady.map((sentence) => `           not ready yet: ${sentence}`),
    "",
    `  Open the page in a browser, or try in two more terminals${needs}:`,
    "",
    ...commands.map((command) => `    ${command}`),
    "",
    `  Ctrl-C stops it. All settings: ${program} start --help`,
    "",
  ].join("\n");
}

function suggestions({ program, access }: BannerFacts, where: string, adminAt: string): readonly string[] {
  const url = where === DEFAULT_WHERE ? "" : ` --url ws://${where}/ws`;
  const adminUrl = adminAt === DEFAULT_ADMIN ? "" : ` --url http://${adminAt}`;
  const create = ["token create me --allow news=subscribe", ...access.flags].join(" ");
  const token = { open: "", secret: ` --token "$(${program} ${create})"`, issuer: ' --token "$TOKEN"' };
  return [
    `${program} listen news${url}${token[access.kind]}`,
    `${program} publish news '{"hello":1}'${adminUrl}`,
  ];
}

/** How a terminal on this machine gets in, by the settings and where each of them was said. */
export function accessOf(
  settings: Settings,
  sources: Readonly<Record<keyof Settings, string>>,
  configFile: string | undefined,
): AccessHint {
  const { jwtSecret, jwtIssuer, jwtAudience, adminKey } = settings;
  // The commands for operators do not read the settings file.
  const admin = adminKey === undefined ? [] : [envOf("adminKey")];
  if (jwtSecret === undefined) {
    const { jwtPublicKey, jwksUrl, webhookConnectUrl, webhookSubscribeUrl } = settings;
    const asks = [jwtPublicKey, jwksUrl, webhookConnectUrl, webhookSubscribeUrl].some(
      (each) => each !== undefined,
    );
    return { kind: asks ? "issuer" : "open", flags: [], variables: asks ? ["TOKEN", ...admin] : admin };
  }
  const said = (key: keyof Settings, value: readonly string[] | undefined): string[] =>
    value === undefined || !sources[key].startsWith("--") ? [] : [flagOf(key), quoted(value.join(","))];
  const inFile = ![flagOf("jwtSecret"), envOf("jwtSecret")].includes(sources.jwtSecret);
  return {
    kind: "secret",
    flags: [
      ...(configFile === undefined ? [] : ["--config", quoted(configFile)]),
      ...said("jwtIssuer", jwtIssuer),
      ...said("jwtAudience", jwtAudience),
    ],
    variables: [...(inFile ? [] : [envOf("jwtSecret")]), ...admin],
  };
}

/** A host as a URL on this machine names it: every address becomes loopback, IPv6 gets its brackets. */
export function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
