/**
 * Whose connection it is: the address that limits count by.
 *
 * Without configuration that is the peer's, and nothing a peer sends changes it. A trusted proxy may speak
 * for others: by the PROXY protocol, or by X-Forwarded-For, read from its end to the last address that no
 * trusted proxy wrote.
 */
import { BlockList, isIP } from "node:net";
import { headEnd } from "../http/request-head.js";

const FORWARDED_FOR = "\r\nx-forwarded-for:";
/**
 * Entries that are looked at, from the last: more proxies than any path has. The last of them counts then.
 */
const MAX_PROXIES = 32;
/**
 * `192.0.2.1:443`, as Azure Application Gateway and IIS ARR write it; `[2001:db8::1]` and
 * `[2001:db8::1]:443`.
 */
const WITH_PORT = /^(?:([\d.]+):\d{1,5}|\[([^\]]*)\](?::\d{1,5})?)$/;

/** Peers that may say for whom they speak. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #size: number;

  /** Addresses (`10.0.0.7`) and networks (`10.0.0.0/8`, `fd00::/8`), checked by `proxyProblem`. */
  constructor(proxies: readonly string[]) {
    this.#size = proxies.length;
    for (const proxy of proxies) {
      const [address = "", prefix] = proxy.split("/");
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (prefix === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(prefix), family);
    }
  }

  /** Whether any proxy is trusted. */
  get any(): boolean {
    return this.#size > 0;
  }

  /** Asked for each request: without any proxy it costs nothing. */
  has(address: string): boolean {
    if (!this.any) return false;
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 6 ? "ipv6" : "ipv4");
  }
}

/** What is wrong with one entry of the setting, as the end of a sentence, or undefined. */
export function proxyProblem(proxy: string): string | undefined {
  const [address = "", prefix, ...rest] = proxy.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return "is not an address or a network such as 10.0.0.0/8";
  const bits = family === 6 ? 128 : 32;
  if (prefix !== undefined && !(/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)) {
    return `has a prefix outside 0 to ${bits}`;
  }
  return undefined;
}

/**
 * What limits count a peer by: an IPv4 address is itself, of IPv6 one subscriber has a network of /64 and
 * chooses any address of it. An IPv4 address in an IPv6 spelling is the IPv4 address. What is no address is
 * itself.
 */
export function limitKey(address: string): string {
  const key = namedKey(address);
  return isIP(key) === 6 ? `${key.split(":", 4).join(":")}::/64` : key;
}

/** What a transport remembers of a client whose address is not known: that its peer's is another's. */
export const UNKNOWN_ADDRESS = "";

/** The address of a transport's client: what it remembers, or its peer's as limits count it. */
export function transportAddress(
  named: string | undefined,
  peer: () => string | undefined,
): string | undefined {
  if (named !== undefined) return named === UNKNOWN_ADDRESS ? undefined : named;
  const address = peer();
  if (address === undefined || address === "") return undefined;
  // A search asks every connection: an IPv4 address is its own key, and needs no check.
  const plain = plainAddress(address);
  return plain.includes(":") ? limitKey(plain) : plain;
}

/**
 * What limits count an address by that a proxy has named: all of it, since the proxy tells its clients apart,
 * in one spelling. The network of /64 is counted beside it: `subscriberOf`.
 */
export function namedKey(address: string): string {
  const plain = plainAddress(address);
  if (isIP(plain) !== 6) return plain;
  const groups = groupsOf(plain);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, mark = 0, high = 0, low = 0] = groups;
  if (a + b + c + d + e === 0 && mark === 0xffff) {
    return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
  }
  return groups.map((group) => group.toString(16)).join(":");
}

/**
 * The key that all addresses of one network of /64 share beside their own; undefined where a key has none
 * beside it.
 */
export function subscriberOf(key: string): string | undefined {
  return key.includes(":") && !key.endsWith("/64") ? `${limitKey(key)} named` : undefined;
}

/** The network that a key lies in: /24 of IPv4, /48 of IPv6. */
export function networkOf(key: string): string {
  return key.includes(":") ? key.split(":", 3).join(":") : key.slice(0, key.lastIndexOf("."));
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [text = ""] = address.split("%");
  const [head = "", tail] = text.split("::");
  const front = numbersOf(head);
  if (tail === undefined) return front;
  const back = numbersOf(tail);
  return [...front, ...new Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0), ...back];
}

function numbersOf(part: string): number[] {
  if (part === "") return [];
  return part.split(":").flatMap((group) => {
    if (!group.includes(".")) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

/** An IPv4 address that came through an IPv6 socket, in its own spelling. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}

/**
 * The client's address. `peer`: the other end of the TCP connection, or for whom its PROXY header speaks.
 * `head`: the request's head as latin1, possibly with more behind it, which never counts; only looked at when
 * the peer is trusted. An entry that is no address counts as the proxy that wrote it.
 */
export function clientAddress(peer: string, head: string, proxies: TrustedProxies): string {
  if (!proxies.has(peer)) return peer;
  let client = peer;
  for (const entry of forwardedFor(head)) {
    const address = addressOf(entry.trim());
    // What stands left of an entry that is no address was not written by a trusted proxy.
    if (address === undefined) return client;
    client = address;
    if (!proxies.has(address)) return client;
  }
  return client;
}

/**
 * The entries of all X-Forwarded-For lines of the head, the last one first: what a client has written before
 * them costs nothing. A line that is folded (RFC 9112 §5.2) is one line.
 */
function* forwardedFor(head: string): Generator<string> {
  const end = headEnd(head);
  const lines = (end === -1 ? head : head.slice(0, end)).toLowerCase();
  let left = MAX_PROXIES;
  for (let at = lines.lastIndexOf(FORWARDED_FOR); at > 0; at = lines.lastIndexOf(FORWARDED_FOR, at - 1)) {
    const start = at + FORWARDED_FOR.length;
    const value = lines.slice(start, lineEnd(lines, start));
    for (let to = value.length; to >= 0; ) {
      if (left-- === 0) return;
      const comma = to === 0 ? -1 : value.lastIndexOf(",", to - 1);
      yield value.slice(comma + 1, to);
      to = comma;
    }
  }
}

/** The end of the line, and of those that go on with it. */
function lineEnd(lines: string, from: number): number {
  for (let at = from; ; at += 2) {
    at = lines.indexOf("\r\n", at);
    if (at === -1) return lines.length;
    const next = lines[at + 2];
    if (next !== " " && next !== "\t") return at;
  }
}

function addressOf(entry: string): string | undefined {
  const [, v4, v6] = WITH_PORT.exec(entry) ?? [];
  const address = v4 ?? v6 ?? entry;
  const family = isIP(address);
  if (family === 0 || (v6 !== undefined && family !== 6)) return undefined;
  return plainAddress(address);
}
