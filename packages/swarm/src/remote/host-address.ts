/**
 * Addresses of hosts: `10.0.0.5`, `load-1.example:9190`, `[fd00::5]:9190`; in a list with commas, or in a
 * file with one a line.
 *
 * Invariant: no address is in a list twice.
 */
import { SwarmProblem } from "../problem.js";

export interface HostAddress {
  readonly host: string;
  readonly port: number;
}

export const DEFAULT_AGENT_PORT = 9_190;
export const MAX_HOSTS = 200;

/** Throws a `SwarmProblem` that names the part that is wrong. `least`: of the port. */
export function parseHostAddress(text: string, source: string, least: 0 | 1 = 1): HostAddress {
  const [, v6, name, portText] =
    /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9_](?:[a-z0-9_.-]{0,252})))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = v6 ?? name;
  const port = portText === undefined ? DEFAULT_AGENT_PORT : Number(portText);
  if (host !== undefined && port >= least && port <= 65_535) return { host, port };
  throw new SwarmProblem(
    "wrong",
    `${source}: ${JSON.stringify(text.slice(0, 100))} is no address: write host or host:port, such as 10.0.0.5:${DEFAULT_AGENT_PORT}`,
  );
}

/** Of a list with commas. */
export function parseHostList(text: string, source = "--agents"): HostAddress[] {
  return unique(
    text.split(",").map((each) => parseHostAddress(each.trim(), source)),
    source,
  );
}

/** Of a file: one address a line; what follows `#` and empty lines are passed over. */
export function parseHostFile(text: string, path: string): HostAddress[] {
  const addresses = text.split(/\r?\n/).flatMap((line, index) => {
    const address = line.replace(/#.*$/, "").trim();
    return address === "" ? [] : [parseHostAddress(address, `${path}:${index + 1}`)];
  });
  if (addresses.length === 0) throw new SwarmProblem("wrong", `${path}: there is no address in it`);
  return unique(addresses, path);
}

/** `host:port`, as people write it. */
export function hostText({ host, port }: HostAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function unique(addresses: HostAddress[], source: string): HostAddress[] {
  const texts = addresses.map(hostText);
  const twice = texts.find((text, index) => texts.indexOf(text) !== index);
  if (twice !== undefined) throw new SwarmProblem("wrong", `${source}: ${twice} is in it twice`);
  if (addresses.length > MAX_HOSTS) {
    throw new SwarmProblem("wrong", `${source}: at most ${MAX_HOSTS} hosts, there are ${addresses.length}`);
  }
  return addresses;
}
