/**
 * The PROXY protocol, versions 1 and 2: the line or block by which a load balancer says whose connection it
 * forwards.
 *
 * Pure. Source of every rule: HAProxy, "The PROXY protocol", sections 2.1 (text) and 2.2 (binary). A header
 * that does not follow them ends the connection, as the specification demands: what comes after it could not
 * be trusted to be HTTP.
 */

import { isIP } from "node:net";

export type ProxyHeader =
  /** More bytes are needed to tell. */
  | { readonly kind: "incomplete" }
  /** The connection does not begin with a header. */
  | { readonly kind: "absent" }
  | { readonly kind: "invalid" }
  /** `address` is undefined where the sender speaks for itself (LOCAL, UNKNOWN), as in health checks. */
  | { readonly kind: "header"; readonly length: number; readonly address: string | undefined };

const INCOMPLETE: ProxyHeader = { kind: "incomplete" };
const ABSENT: ProxyHeader = { kind: "absent" };
const INVALID: ProxyHeader = { kind: "invalid" };

const V1_PREFIX = Buffer.from("PROXY ", "latin1");
/** The longest line, its CRLF included: section 2.1. */
const V1_MAX_LENGTH = 107;
const V1_LINE = /^PROXY (?:UNKNOWN(?: .*)?|TCP([46]) (\S+) \S+ (\d{1,5}) (\d{1,5}))$/;

const V2_SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const V2_FIXED_LENGTH = 16;
/**
 * Addresses and the few hundred bytes of extensions that load balancers add; the format would allow 64 KiB.
 */
const V2_MAX_LENGTH = 4096;

/** The header at the beginning of `bytes`, the first bytes of a connection. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (isPrefix(bytes, V2_SIGNATURE)) return bytes.length < V2_FIXED_LENGTH ? INCOMPLETE : readV2(bytes);
  if (isPrefix(bytes, V1_PREFIX)) return readV1(bytes);
  return ABSENT;
}

/** Whether what is there so far agrees with `expected`. */
function isPrefix(bytes: Buffer, expected: Buffer): boolean {
  const length = Math.min(bytes.length, expected.length);
  return bytes.compare(expected, 0, length, 0, length) === 0;
}

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_MAX_LENGTH).indexOf("\r\n");
  if (end === -1) return bytes.length < V1_MAX_LENGTH ? INCOMPLETE : INVALID;
  const line = V1_LINE.exec(bytes.toString("latin1", 0, end));
  if (line === null) return INVALID;
  const [, family, address] = line;
  if (family === undefined || address === undefined)
    return { kind: "header", length: end + 2, address: undefined };
  if (isIP(address) !== Number(family)) return INVALID;
  return { kind: "header", length: end + 2, address };
}

function readV2(bytes: Buffer): ProxyHeader {
  const versionAndCommand = bytes.readUInt8(12);
  const family = bytes.readUInt8(13) >> 4;
  const length = V2_FIXED_LENGTH + bytes.readUInt16BE(14);
  if (versionAndCommand >> 4 !== 2 || length > V2_MAX_LENGTH) return INVALID;
  if (bytes.length < length) return INCOMPLETE;
  const command = versionAndCommand & 0xf;
  if (command > 1) return INVALID;
  const block = bytes.subarray(V2_FIXED_LENGTH, length);
  const forwarded = command === 1;
  if (forwarded && family === 1) {
    return block.length < 12 ? INVALID : { kind: "header", length, address: block.subarray(0, 4).join(".") };
  }
  if (forwarded && family === 2) {
    return block.length < 36 ? INVALID : { kind: "header", length, address: ipv6(block.subarray(0, 16)) };
  }
  return { kind: "header", length, address: undefined };
}

/** In full groups without leading zeros: one spelling for one address is what counting needs. */
function ipv6(bytes: Buffer): string {
  const groups: string[] = [];
  for (let at = 0; at < bytes.length; at += 2) groups.push(bytes.readUInt16BE(at).toString(16));
  return groups.join(":");
}
