/**
 * Whatever is read of a request before anything is known of its sender takes time in proportion to its
 * length.
 *
 * A pattern that begins anew at each character of a long run takes the square of it: minutes for these heads,
 * which are many times larger than any that is read. The deadline only keeps such a test from running for
 * hours.
 */
import { createContext, runInContext } from "node:vm";
import { describe, expect, it } from "@jest/globals";
import { clientAddress, TrustedProxies } from "./admission/client-address.js";
import { frontCorsLines } from "./admission/front-cors.js";
import { readProxyHeader } from "./admission/proxy-protocol.js";
import { isEventSourceHead } from "./http/event-source.js";
import { withoutOuterSpace } from "./http/field-value.js";
import { elementsOf, hasElement, isHost } from "./http/field-values.js";
import { originCheck } from "./http/origin.js";
import { isUpgrade, readPlainHead } from "./http/plain-head.js";
import { emptyLines, isProbe, readRequestLine, sessionIdOf } from "./http/request-head.js";
import { readTarget } from "./http/request-target.js";
import { qualityOf } from "./worker/http/content-coding.js";
import { bearerOf } from "./worker/http/request-authentication.js";
import { decideUpgrade } from "./worker/http/upgrade.js";
import { parseUpgradeQuery } from "./worker/http/upgrade-query.js";
import { namedOwner } from "./worker/relay/named-owner.js";

const LENGTH = 1_000_000;
const DEADLINE_MS = 20_000;
const RUNS = [
  " ",
  "\t",
  ",",
  ", ",
  " a",
  ":",
  "&",
  "?",
  "&sid=",
  "%",
  "=",
  "[",
  ".1",
  "1",
  "\r\n ",
  "upgrade ",
  "10.1.1.1, ",
];

const proxies = new TrustedProxies(["10.0.0.0/8"]);
const isMine = originCheck(undefined, true);
const isListed = originCheck(["https://a.example"]);
const RULES = { maxChannels: 100, tokenInUrl: true };
const head = (...lines: string[]): string => ["GET /ws HTTP/1.1", "Host: a", ...lines, "", ""].join("\r\n");
const upgrading = (name: string, value: string) =>
  decideUpgrade(
    {
      method: "GET",
      url: "/ws",
      headers: {
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        [name]: value,
      },
    },
    { mayComeFrom: isMine, ...RULES },
  );

const READERS: Readonly<Record<string, (run: string) => unknown>> = {
  "a field's value": (run) => withoutOuterSpace(`a${run}b `),
  "a plain head": (run) => readPlainHead(head(`X:  a${run}b`, `Connection: a${run}b`)),
  "a plain head that asks for an upgrade": (run) => {
    const plain = readPlainHead(head("Upgrade: websocket", `Connection: ,${run}x`));
    return plain && isUpgrade(plain);
  },
  "X-Forwarded-For": (run) => clientAddress("10.0.0.1", head(`X-Forwarded-For: ${run}`), proxies),
  "X-Forwarded-For with a port": (run) =>
    clientAddress("10.0.0.1", head(`X-Forwarded-For: [${run}:`), proxies),
  subprotocols: (run) => upgrading("sec-websocket-protocol", `a${run}b`),
  "an origin": (run) => upgrading("origin", `http://a${run}b`),
  "a host": (run) => [isMine("http://a", `a${run}b`), isListed(`http://a${run}b`, "a")],
  "a bearer's token": (run) => bearerOf(`Bearer ${run}a b`),
  "a session's id": (run) => [sessionIdOf(`/ws?sid=${run}`), sessionIdOf(`/ws${run}sid=`)],
  "an owner": (run) => namedOwner("POST", `/poll?${run}sid=a`),
  "a query": (run) => parseUpgradeQuery(`channels=${run}`, RULES),
  "a request line": (run) => [readRequestLine(`GET /${run}`), isProbe(`GET /healthz${run}`)],
  "empty lines": (run) => emptyLines(`\r\n${run}`),
  "a target": (run) => readTarget("GET", `http://a${run}/`),
  "a list": (run) => [elementsOf(`,${run},`), hasElement(`upgrade${run}`, "upgrade"), isHost(`a${run}`)],
  "accepted codings": (run) => qualityOf(`gzip${run};${run}q=1`, "br"),
  "the head of an event source": (run) => isEventSourceHead(head(`Accept: a${run}b`)),
  "the origin of a refused request": (run) => frontCorsLines(head(`Origin: a${run}b`), isListed),
  "a PROXY header": (run) => readProxyHeader(Buffer.from(`PROXY TCP4 ${run}`)),
};

describe("hostile heads", () => {
  it.each(Object.entries(READERS))("%s is read in one go, whatever runs through it", (_name, read) => {
    for (const each of RUNS) {
      const run = each.repeat(Math.ceil(LENGTH / each.length));
      const context = createContext({ read: () => void read(run) });
      expect(() => runInContext("read()", context, { timeout: DEADLINE_MS })).not.toThrow();
    }
  });
});
