/**
 * Checks of what passes on the way: upgrades, streams, silence, long heads, clients' addresses.
 */
import { LOAD_BALANCER, WAY_THRESHOLDS } from "@holdfast/platform";
import { type Check, failed, given, ok, skipped } from "../check.js";
import { isKnown } from "../facts/fact.js";
import { judgeAddress } from "./client-address.js";
import { of, outside } from "./readers.js";

const { bufferedMs, headBytes, idleAssumedSeconds } = WAY_THRESHOLDS;
const UPGRADE =
  "Let the proxy pass `Upgrade` and `Connection` on: deploy/proxy has files for HAProxy and nginx.";

export const PASSAGE: readonly Check[] = [
  {
    code: "HF-O010",
    title: "health through the public URL",
    why: "It is what load balancers ask: where it is not 200, no clients come.",
    limits: [LOAD_BALANCER.healthIntervalLeast],
    mend: "Look at `/readyz` of the admin port, and at the targets of the load balancer.",
    judge: given({ way: outside }, ({ way: { health } }) => {
      if (!isKnown(health)) return failed(health.unknown);
      return health.value === 200 ? ok("/healthz is 200") : failed(`/healthz is ${health.value}`);
    }),
  },
  {
    code: "HF-O011",
    title: "upgrade",
    why: "Without it clients fall back to event streams and polls.",
    limits: [],
    mend: UPGRADE,
    judge: given(
      { answer: of(({ upgrade }) => upgrade), settings: ({ gateway }) => gateway.settings },
      ({ answer: { status, isAccepted }, settings: { proxyProtocol } }) => {
        if (status === 101)
          return isAccepted
            ? ok("101")
            : failed("101 with a wrong Sec-WebSocket-Accept: a cache or a proxy answers");
        const mend = proxyProtocol
          ? `${UPGRADE} With \`proxyProtocol\` the load balancer must send a PROXY header.`
          : undefined;
        return failed(
          status === 0 ? "the connection ended without an answer" : `answered with ${status}`,
          mend,
        );
      },
    ),
  },
  {
    code: "HF-O012",
    title: "subprotocol",
    why: "It names the encoding: a proxy that takes the header out leaves both ends with different ideas.",
    limits: [],
    mend: "Let the proxy pass `Sec-WebSocket-Protocol` on, in both directions.",
    judge: given({ protocol: of(({ subprotocol }) => subprotocol) }, ({ protocol: { asked, chosen } }) =>
      chosen === asked ? ok(asked) : failed(`${asked} was asked for and ${chosen ?? "none"} chosen`),
    ),
  },
  {
    code: "HF-O013",
    title: "connect",
    why: "An upgrade that passes and a command that does not means that frames are held back or changed.",
    limits: [],
    mend: "Bring a token with `--token` where the gateway is private; let the proxy not touch WebSocket frames.",
    judge: given({ answer: of(({ connect }) => connect) }, ({ answer }) => {
      if ("pingMs" in answer) return ok(`answered; a ping every ${answer.pingMs / 1000} s`);
      return /unauthorized|token/.test(answer.error)
        ? skipped(`the gateway wants a token (${answer.error}): bring one with --token`)
        : failed(answer.error);
    }),
  },
  {
    code: "HF-O014",
    title: "silence",
    why: "A load balancer whose idle timeout is shorter than the ping interval cuts quiet clients off.",
    limits: [LOAD_BALANCER.pingShare, idleAssumedSeconds],
    mend: "Raise the idle timeout of everything on the way, or set `pingInterval` to half of the shortest.",
    judge: given({ idle: of(({ idle }) => idle) }, ({ idle: { pingMs, livedMs, isPinged } }) => {
      const lived = `${(livedMs / 1000).toFixed(1)} s of silence`;
      return isPinged
        ? ok(`a connection lived through ${lived}, up to its ping`)
        : failed(`a connection ended after ${lived}, before its ping (every ${pingMs / 1000} s)`);
    }),
  },
  {
    code: "HF-O015",
    title: "event stream",
    why: "A proxy that buffers or compresses holds events back until there are enough of them.",
    limits: [bufferedMs],
    mend: "Turn buffering and compression off for `/sse`; let `X-Accel-Buffering: no` pass.",
    judge: given(
      { stream: of(({ stream }) => stream) },
      ({ stream: { status, contentType, encoding, firstBytesMs } }) => {
        if (status === 401 || status === 403)
          return skipped(`refused with ${status}: bring a token with --token`);
        if (status === 0) return failed("no head came: the stream is held back");
        if (status !== 200) return failed(`answered with ${status}`);
        if (!contentType.startsWith("text/event-stream"))
          return failed(`answered as ${contentType || "nothing"}, not as an event stream`);
        if (encoding !== "" && encoding !== "identity") return failed(`compressed on the way (${encoding})`);
        if (firstBytesMs === undefined)
          return failed(`no event within ${bufferedMs.value / 1000} s: the stream is held back`);
        return ok(`its first event came after ${Math.round(firstBytesMs)} ms`);
      },
    ),
  },
  {
    code: "HF-O016",
    title: "long heads",
    why: "Cookies and tokens make a head long: a proxy that takes less refuses some clients and not others.",
    limits: [headBytes],
    mend: "Raise the proxy's limit of heads: `large_client_header_buffers` of nginx, `tune.bufsize` of HAProxy.",
    judge: given({ status: of(({ longHead }) => longHead) }, ({ status }) => {
      const found = `a head of ${headBytes.value / 1024} KiB is answered with ${status}`;
      return [400, 413, 414, 431, 502].includes(status) ? failed(found) : ok(found);
    }),
  },
  {
    code: "HF-O017",
    title: "clients' addresses",
    why: "Behind a proxy that is not believed all clients have its address: limits per address and the log mean nothing.",
    limits: [],
    mend: "List the proxy's networks in `trustedProxies`, or let it send a PROXY header and set `proxyProtocol`.",
    judge: judgeAddress,
  },
];
