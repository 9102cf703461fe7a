/**
 * What RFC 6455 §4 asks of a server when a client asks for a WebSocket, case by case: a request's head, and
 * how it is to be answered. RFC 7692 §5 and §7.1 beside it, for offers of compression.
 *
 * Data, run against each engine behind the worker's HTTP server.
 */
import { createHash } from "node:crypto";

export interface HandshakeCase {
  /** The section, and the case. */
  readonly name: string;
  /** The request's line and headers. */
  readonly lines: readonly string[];
  readonly status: number;
  /** Headers of the answer in lower case; undefined: it has none of that name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** The setting by which offers are answered. */
export interface HandshakeCases {
  readonly compression: "off" | "shared";
  readonly cases: readonly HandshakeCase[];
}

/** Pages that may connect. */
export const PAGE = "https://shop.example";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Of RFC 6455 §1.3. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const BASE = {
  Host: "gateway.example",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": KEY,
};

/** Undefined leaves a header out; several values make several lines. */
type Changes = Readonly<Record<string, string | readonly string[] | undefined>>;

function linesOf(changes: Changes, line: string): readonly string[] {
  const headers = Object.entries<string | readonly string[] | undefined>({ ...BASE, ...changes });
  const lines = headers.flatMap(([name, values]) =>
    (values === undefined ? [] : [values].flat()).map((value) => `${name}: ${value}`),
  );
  return [line, ...lines];
}

const GET = "GET /ws HTTP/1.1";

function taken(
  name: string,
  changes: Changes = {},
  answered: HandshakeCase["headers"] = {},
  line = GET,
): HandshakeCase {
  const { "Sec-WebSocket-Key": key = KEY } = changes;
  const headers = {
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-accept": createHash("sha1").update(`${key}${GUID}`).digest("base64"),
    "sec-websocket-protocol": undefined,
    "sec-websocket-extensions": undefined,
    ...answered,
  };
  return { name, lines: linesOf(changes, line), status: 101, headers };
}

function refused(
  name: string,
  status: number,
  changes: Changes,
  answered: HandshakeCase["headers"] = {},
  line = GET,
): HandshakeCase {
  const headers = { "sec-websocket-accept": undefined, ...answered };
  return { name, lines: linesOf(changes, line), status, headers };
}

const requestLines: readonly HandshakeCase[] = [
  taken("§1.3 the example's key"),
  taken("§4.2.1 a query", {}, {}, "GET /ws?channels=a HTTP/1.1"),
  taken("§4.2.1 an absolute target", {}, {}, "GET http://gateway.example/ws HTTP/1.1"),
  ...["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"].map((method) =>
    refused(`§4.2.1 the method ${method}`, 405, {}, { allow: "GET" }, `${method} /ws HTTP/1.1`),
  ),
  ...["/", "/ws/", "/WS", "/websocket", "/wss", "/ws%20", "/w%73"].map((path) =>
    refused(`§4.2.2 the path ${path}`, 404, {}, {}, `GET ${path} HTTP/1.1`),
  ),
  refused("§4.1 a fragment in the target", 400, {}, {}, "GET /ws#a HTTP/1.1"),
  // RFC 9110 §7.8: an offer of HTTP/1.0 is ignored, and the request without it is no WebSocket's.
  refused("§4.2.1 HTTP/1.0", 426, {}, { upgrade: "websocket" }, "GET /ws HTTP/1.0"),
  refused("§4.2.1 HTTP/2.0 in the line", 505, {}, {}, "GET /ws HTTP/2.0"),
];

const hosts: readonly HandshakeCase[] = [
  ...["gateway.example:8080", "[::1]:80", "127.0.0.1", ""].map((host) =>
    taken(`§4.1 the host "${host}"`, { Host: host }),
  ),
  refused("§4.1 no host", 400, { Host: undefined }),
  refused("§4.1 two hosts", 400, { Host: ["a.example", "b.example"] }),
  refused("§4.1 the same host twice", 400, { Host: ["a.example", "a.example"] }),
  ...["a b", "a.example/ws", "user@a.example"].map((host) =>
    refused(`§4.1 the host "${host}"`, 400, { Host: host }),
  ),
];

const upgrades: readonly HandshakeCase[] = [
  ...["WebSocket", "WEBSOCKET", "webSocket", "websocket, h2c", "h2c, websocket", " websocket "].map((value) =>
    taken(`§4.2.1 the upgrade "${value}"`, { Upgrade: value }),
  ),
  ...["h2c", "websocket/13", "web socket", "websockets", "websocket;x", ""].map((value) =>
    refused(`§4.2.1 the upgrade "${value}"`, 426, { Upgrade: value }, { upgrade: "websocket" }),
  ),
  refused("§4.2.1 no upgrade", 426, { Upgrade: undefined }, { upgrade: "websocket" }),
  ...["upgrade", "UPGRADE", "keep-alive, Upgrade", "Upgrade, keep-alive", "Upgrade,"].map((value) =>
    taken(`§4.2.1 the connection "${value}"`, { Connection: value }),
  ),
  ...["keep-alive", "close", "upgrades", "x-upgrade"].map((value) =>
    refused(`§4.2.1 the connection "${value}"`, 426, { Connection: value }, { upgrade: "websocket" }),
  ),
  refused("§4.2.1 no connection", 426, { Connection: undefined }, { upgrade: "websocket" }),
];

const keys: readonly HandshakeCase[] = [
  ...[
    "AAAAAAAAAAAAAAAAAAAAAA==",
    "/////////////////////w==",
    "++++++++++++++++++++++==",
    "x3JJHMbDL1EzLkh9GBhXDw==",
    "AQIDBAUGBwgJCgsMDQ4PEC==",
  ].map((key) => taken(`§4.2.2 the key ${key}`, { "Sec-WebSocket-Key": key })),
  refused("§4.2.1 no key", 400, { "Sec-WebSocket-Key": undefined }),
  ...[
    ["", "nothing"],
    ["dGhlIHNhbXBsZSBub25jZQ", "16 bytes without their padding"],
    ["dGhlIHNhbXBsZSBub25jZQ=", "half of the padding"],
    ["dGhlIHNhbXBsZSBub25jZWU=", "17 bytes"],
    ["dGhlIHNhbXBsZSBub25j", "15 bytes"],
    ["dGhlIHNhbXBsZSBub25jZQ== x", "more behind it"],
    ["dGhlIHNhbXBsZSBub2_jZQ==", "another alphabet"],
    ["dGhlIHNhb XBsZSBub25jZ==", "a space in it"],
    ["=====================A==", "padding in front"],
    ["sample", "a word"],
  ].map(([key, what]) => refused(`§4.2.1 a key of ${what}`, 400, { "Sec-WebSocket-Key": key })),
  refused("§11.3.1 two keys", 400, { "Sec-WebSocket-Key": [KEY, "AAAAAAAAAAAAAAAAAAAAAA=="] }),
  refused("§11.3.1 the same key twice", 400, { "Sec-WebSocket-Key": [KEY, KEY] }),
];

const SPEAKS = { "sec-websocket-version": "13" };
const versions: readonly HandshakeCase[] = [
  taken("§4.2.1 the version 13 with space around it", { "Sec-WebSocket-Version": "  13 " }),
  ...["0", "7", "8", "12", "14", "25", "130", "013", "13.0", "+13", "13, 8", "8, 13", "x", ""].map(
    (version) => refused(`§4.4 the version "${version}"`, 426, { "Sec-WebSocket-Version": version }, SPEAKS),
  ),
  refused("§4.4 no version", 426, { "Sec-WebSocket-Version": undefined }, SPEAKS),
  refused("§11.3.5 the version twice", 426, { "Sec-WebSocket-Version": ["13", "13"] }, SPEAKS),
];

const origins: readonly HandshakeCase[] = [
  taken("§10.2 the origin of a page that may connect", { Origin: PAGE }),
  taken("§4.1 no origin, as of a client that is no browser"),
  ...["https://evil.example", "http://shop.example", "null", `${PAGE}.evil.example`, `${PAGE}:444`].map(
    (origin) => refused(`§10.2 the origin ${origin}`, 403, { Origin: origin }),
  ),
];

const PROTOCOL = "holdfast.v1.json";
const protocols: readonly HandshakeCase[] = [
  ...[PROTOCOL, `other, ${PROTOCOL}`, `${PROTOCOL},other`, `a,b,${PROTOCOL} , c`].map((offer) =>
    taken(
      `§4.2.2 the subprotocols "${offer}"`,
      { "Sec-WebSocket-Protocol": offer },
      { "sec-websocket-protocol": PROTOCOL },
    ),
  ),
  taken(
    "§11.3.4 subprotocols in two lines",
    { "Sec-WebSocket-Protocol": ["other", PROTOCOL] },
    { "sec-websocket-protocol": PROTOCOL },
  ),
  ...[
    "other",
    "a, b",
    "",
    ",",
    "a b",
    `${PROTOCOL}, ${PROTOCOL}`,
    "a;b",
    `"${PROTOCOL}"`,
    "HOLDFAST.V1.JSON",
  ].map((offer) => refused(`§4.2.2 the subprotocols "${offer}"`, 400, { "Sec-WebSocket-Protocol": offer })),
];

const bodies: readonly HandshakeCase[] = [
  taken("§4.1 a body of nothing", { "Content-Length": "0" }),
  refused("§4.1 a body", 400, { "Content-Length": "3" }),
  refused("§4.1 a body in chunks", 400, { "Transfer-Encoding": "chunked" }),
];

const offersDeclined: readonly HandshakeCase[] = [
  "permessage-deflate",
  "permessage-deflate; client_max_window_bits",
  "x-webkit-deflate-frame",
  "foo; bar=1, baz",
].map((offer) => taken(`§9.1 the extensions "${offer}" are declined`, { "Sec-WebSocket-Extensions": offer }));

const DEFLATE = "permessage-deflate";
const AGREED = `${DEFLATE}; server_no_context_takeover; client_no_context_takeover`;
const OFFER = "Sec-WebSocket-Extensions";

const offersTaken: readonly HandshakeCase[] = [
  ...[
    DEFLATE,
    `${DEFLATE}; client_max_window_bits`,
    `${DEFLATE}; client_max_window_bits=8`,
    `${DEFLATE}; client_max_window_bits=15`,
    `${DEFLATE}; server_no_context_takeover`,
    `${DEFLATE}; client_no_context_takeover`,
    `${DEFLATE};server_no_context_takeover;client_no_context_takeover`,
    `foo, ${DEFLATE}`,
    `${DEFLATE}; unknown, ${DEFLATE}`,
    `${DEFLATE}; server_max_window_bits=8, ${DEFLATE}`,
  ].map((offer) =>
    taken(`RFC 7692 §7.1 the offer "${offer}"`, { [OFFER]: offer }, { "sec-websocket-extensions": AGREED }),
  ),
  ...[9, 10, 11, 12, 13, 14, 15].map((bits) =>
    taken(
      `RFC 7692 §7.1.2.1 a window of ${bits} bits`,
      { [OFFER]: `${DEFLATE}; server_max_window_bits=${bits}` },
      { "sec-websocket-extensions": `${AGREED}; server_max_window_bits=${bits}` },
    ),
  ),
  taken(
    "RFC 6455 §9.1 offers in two lines",
    { [OFFER]: ["foo", `${DEFLATE}; server_max_window_bits=10`] },
    { "sec-websocket-extensions": `${AGREED}; server_max_window_bits=10` },
  ),
  ...[
    "foo",
    "Permessage-Deflate",
    `${DEFLATE}; unknown`,
    `${DEFLATE}; server_no_context_takeover=1`,
    `${DEFLATE}; client_no_context_takeover; client_no_context_takeover`,
    `${DEFLATE}; server_max_window_bits`,
    `${DEFLATE}; server_max_window_bits=16`,
    `${DEFLATE}; server_max_window_bits=010`,
    `${DEFLATE}; client_max_window_bits=7`,
  ].map((offer) => taken(`RFC 7692 §7.1 the offer "${offer}" is declined`, { [OFFER]: offer })),
  ...["", ",", ";", `${DEFLATE};`, `${DEFLATE}; =1`, `${DEFLATE}; a="`, "a b", "(x)"].map((offer) =>
    refused(`RFC 6455 §9.1 the extensions "${offer}"`, 400, { [OFFER]: offer }),
  ),
];

export const HANDSHAKES: readonly HandshakeCases[] = [
  {
    compression: "off",
    cases: [
      ...requestLines,
      ...hosts,
      ...upgrades,
      ...keys,
      ...versions,
      ...origins,
      ...protocols,
      ...bodies,
      ...offersDeclined,
    ],
  },
  { compression: "shared", cases: offersTaken },
];
