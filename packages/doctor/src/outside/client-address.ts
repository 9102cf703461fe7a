/**
 * The judgement of clients' addresses: whom the gateway took a probe for that came through the public URL.
 *
 * The probe claims an address of its own in X-Forwarded-For, as any client may. Where the admin port cannot
 * be asked, or a PROXY header says the address, settings and what shows a proxy are judged instead.
 * Invariant: what the gateway said goes before what settings promise.
 */
import { type CheckVerdict, failed, given, ok, warning } from "../check.js";
import { isKnown } from "../facts/fact.js";
import type { Facts } from "../facts/facts.js";
import type { ProbeFacts } from "../facts/outside.js";
import { of } from "./readers.js";

const LIST_IT =
  "List its address or network in `trustedProxies`, or let it send a PROXY header and set `proxyProtocol`.";
const SET_IT =
  "Let the proxy set X-Forwarded-For to its client's address, or append that to it: nginx `proxy_add_x_forwarded_for`, HAProxy `option forwardfor`.";
/** Loopback, RFC 1918, RFC 6598, link-local, and their like in IPv6. */
const PRIVATE =
  /^(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|169\.254\.|::1(?:$|\/)|0:0:0:0:0:0:0:1$|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/i;

export function judgeAddress(facts: Facts): CheckVerdict {
  const probe = of(({ probe: found }) => found)(facts);
  if (!isKnown(probe) || probe.value.address === undefined) return judgeSettings(facts);
  return judgeProbe({ ...probe.value, address: probe.value.address });
}

/** By what was seen on the way, and what the settings say. */
const judgeSettings = given(
  { proxy: of(({ proxy }) => proxy), settings: ({ gateway }) => gateway.settings },
  ({ proxy, settings: { proxyProtocol, trustedProxies } }) => {
    const isTold = proxyProtocol || trustedProxies !== undefined;
    if (proxy === undefined)
      return isTold
        ? warning("no proxy is to be seen on the way, and the settings believe one")
        : ok("no proxy is to be seen on the way");
    return isTold
      ? ok(`a proxy is on the way (${proxy}), and believed`)
      : warning(`a proxy is on the way (${proxy}), and none is believed`);
  },
);

function judgeProbe(probe: ProbeFacts & { readonly address: string }): CheckVerdict {
  const { address, claimed, from, fromPort, isProxy, peer, peerPort } = probe;
  const taken = `the gateway takes this client for ${address}`;
  if (isSame(address, claimed))
    return failed(
      `${taken}, which it only claimed: clients choose their address`,
      isProxy ? `${SET_IT} What a client wrote there must not be passed on alone.` : LIST_IT,
    );
  if (isSame(peer, from) && peerPort === fromPort) return ok(`${taken}; no proxy between`);
  if (isProxy) {
    if (isSame(address, from)) return ok(`${taken}, which it is; the proxy at ${peer} says so`);
    if (isSame(address, peer))
      return failed(`the proxy at ${peer} is believed and names no client: all are taken for it`, SET_IT);
    return PRIVATE.test(address)
      ? warning(`${taken}, a private address that is not this machine's: another proxy`, LIST_IT)
      : ok(`${taken}; the proxy at ${peer} says so`);
  }
  // A network's way out has a public address, and is no proxy of the gateway's.
  if (PRIVATE.test(from) && !PRIVATE.test(peer))
    return ok(`${taken}, by which this machine's network goes out, or a proxy that is not believed`);
  return failed(`${taken}, and this machine is ${from}: the proxy between is not believed`, LIST_IT);
}

/** The gateway counts IPv6 by networks of /64. */
function isSame(one: string, other: string): boolean {
  return (
    one === other || (one.endsWith("::/64") && groupsOf(other).startsWith(one.slice(0, -"::/64".length)))
  );
}

/** An IPv6 address with its first four groups written out, as the gateway writes them. */
function groupsOf(address: string): string {
  const [head = "", tail] = address.split("::");
  const front = head === "" ? [] : head.split(":");
  if (tail === undefined) return address;
  const back = tail === "" ? [] : tail.split(":");
  return [
    ...front,
    ...new Array<string>(Math.max(0, 8 - front.length - back.length)).fill("0"),
    ...back,
  ].join(":");
}
