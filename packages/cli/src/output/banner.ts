/**
 * What a start ends with: where the gateway is, what it consists of, and the next thing to try.
 *
 * A block of lines for people, one line with fields for programs. Invariant: no secret is in it, and each
 * suggested line works as it is on this machine, in a terminal that has the variables which the note above it
 * names.
 */
import type { BackendDescription } from "@holdfast/core";
import { DEFAULT_ADMIN_URL } from "../admin-client.js";
import type { Settings } from "../config/schema.js";
import { envOf, flagOf } from "../config/setting.js";
import { quoted } from "../invocation.js";
import { urlHost } from "./url-host.js";

export interface BannerFacts {
  readonly version: string;
  /** How this program is called. */
  readonly program: string;
  readonly host: string;
  readonly ports: readonly number[];
  /** Whether the public ports speak TLS. */
  readonly isSecure?: boolean;
  /** Where the admin API listens, and whether it speaks TLS. */
  readonly admin: { readonly host: string; readonly port: number; readonly isSecure?: boolean };
  readonly workers: number;
  /** What moves the bytes of WebSockets. */
  readonly engine: string;
  readonly broker: BackendDescription;
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
    readonly engine: string;
    readonly broker: string;
    readonly try: readonly string[];
  };
}

const DEFAULT_WHERE = "127.0.0.1:8080";

export function banner(facts: BannerFacts): Banner {
  const { version, host, ports, admin, workers, engine, broker, notReady } = facts;
  const address = urlHost(host);
  const first = ports[0] ?? 0;
  const last = ports.at(-1) ?? first;
  const where = `${address}:${first}`;
  const range = last === first ? "" : ` to :${last}`;
  const adminAt = `${httpScheme(admin.isSecure)}://${urlHost(admin.host)}:${admin.port}`;
  const scheme = httpScheme(facts.isSecure);
  const commands = suggestions(facts, where, adminAt);
  const crew = `${workers} ${workers === 1 ? "worker" : "workers"}`;
  return {
    block: block(facts, { where, range, adminAt, broker: broker.name, commands }),
    message: [
      `holdfast ${version} on ${scheme}://${where}${range} · ${crew} · engine ${engine} · ${broker.phrase} · `,
      notReady.length === 0 ? "" : `not ready yet: ${notReady.join(" ")} · `,
      `try: ${commands.join("  and  ")}`,
    ].join(""),
    fields: {
      urls: ports.map((port) => `${scheme}://${address}:${port}`),
      admin: adminAt,
      workers,
      engine,
      broker: broker.name,
      try: commands,
    },
  };
}

function httpScheme(isSecure = false): string {
  return isSecure ? "https" : "http";
}

function webSocketScheme(isSecure = false): string {
  return isSecure ? "wss" : "ws";
}

interface Words {
  readonly where: string;
  readonly range: string;
  readonly adminAt: string;
  readonly broker: string;
  readonly commands: readonly string[];
}

function block(
  { version, program, workers, engine, notReady, access, isSecure }: BannerFacts,
  words: Words,
): string {
  const { where, range, adminAt, broker, commands } = words;
  const needs = access.variables.length === 0 ? "" : `, with ${access.variables.join(" and ")} as here`;
  return [
    "",
    `  Holdfast ${version}`,
    "",
    `  page     ${httpScheme(isSecure)}://${where}/`,
    `  clients  ${webSocketScheme(isSecure)}://${where}/ws${range === "" ? "" : ` (ports${range.replace(" to :", ` to `)})`}`,
    `  admin    ${adminAt}`,
    `  workers  ${workers}`,
    `  engine   ${engine}`,
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

function suggestions(
  { program, access, isSecure }: BannerFacts,
  where: string,
  adminAt: string,
): readonly string[] {
  const isUsual = where === DEFAULT_WHERE && isSecure !== true;
  const url = isUsual ? "" : ` --url ${webSocketScheme(isSecure)}://${where}/ws`;
  const adminUrl = adminAt === DEFAULT_ADMIN_URL ? "" : ` --url ${adminAt}`;
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
