/**
 * The target of a run: `ws://127.0.0.1:8080-8095/ws`, one gateway behind one port or a range of them.
 * `http://` says the same, for whom comet with `ws://` would look wrong.
 *
 * Invariant: `host` is an IP address or a name without brackets, `ports` ascend and are at least one.
 */
import { SwarmProblem } from "./problem.js";
import { PATHS, type RunTransport } from "./transport.js";

export interface Target {
  readonly host: string;
  readonly ports: readonly number[];
  /** Path of the endpoint, without a query. */
  readonly path: string;
}

const MAX_PORTS = 256;
const FORM = "ws://host:port/path or ws://host:first-last/path, such as ws://127.0.0.1:8080-8095/ws";

/** Throws a `SwarmProblem` that says what is wrong. */
export function parseTarget(text: string, transport: RunTransport = "websocket"): Target {
  if (/^(?:wss|https):/i.test(text))
    throw refuse(text, "the swarm speaks no TLS: name the gateway's own port");
  const match =
    /^(?:ws|http):\/\/(\[[0-9a-f:.]+\]|[^/:?#[\]@\s]+):(\d{1,5})(?:-(\d{1,5}))?(\/[^?#\s]*)?$/i.exec(text);
  if (match === null) return fail(text);
  const [, host = "", first = "", last = first, path = PATHS[transport]] = match;
  const ports = { first: Number(first), last: Number(last) };
  const count = ports.last - ports.first + 1;
  if (ports.first < 1 || ports.last > 65_535) throw refuse(text, "ports are from 1 to 65535");
  if (count < 1) throw refuse(text, "the second port is before the first");
  if (count > MAX_PORTS) throw refuse(text, `at most ${MAX_PORTS} ports`);
  return {
    host: host.replace(/^\[(.*)\]$/, "$1"),
    ports: Array.from({ length: count }, (_, index) => ports.first + index),
    path,
  };
}

/**
 * Whether its addresses are those of this machine's loopback in IPv4, where the source address is free to
 * choose.
 */
export function isLoopback({ host }: Target): boolean {
  return /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function refuse(text: string, why: string): SwarmProblem {
  return new SwarmProblem("wrong", `the target ${shown(text)}: ${why}`);
}

function fail(text: string): never {
  throw new SwarmProblem("wrong", `the target must be ${FORM}, not ${shown(text)}`);
}

/** A login or a query may hold a secret. */
function shown(text: string): string {
  return JSON.stringify(text.replace(/([?#]).*$/s, "$1***").replace(/^([a-z]+:\/\/)?.*@/is, "$1***@"));
}
