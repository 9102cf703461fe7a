import { unknown } from "../facts/fact.js";
import { breaking } from "../testing/breaking.js";
import { OUTSIDE_CHECKS } from "./outside.js";

const set = (changes: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(changes).map(([key, value]) => [`outside/value/${key}`, value]));
const tls = (fields: object) =>
  set({ tls: { problem: undefined, protocol: "TLSv1.3", daysLeft: 60, ...fields } });
const stream = (fields: object) =>
  set({
    stream: { status: 200, contentType: "text/event-stream", encoding: "", firstBytesMs: 10, ...fields },
  });

const probe = (fields: object) =>
  set({
    probe: {
      ...{ from: "192.168.1.5", fromPort: 50_000, peer: "10.0.0.7", peerPort: 40_000 },
      ...{ address: "203.0.113.9", isProxy: true, claimed: "192.0.2.77", ...fields },
    },
  });
const UNASKED = { "outside/value/probe": unknown("no gateway is asked") };

breaking("the way from outside", OUTSIDE_CHECKS, {
  "HF-O001": [
    [
      { "outside/value": { url: "wss://gone.example/ws", addresses: unknown("ENOTFOUND") } },
      "failed",
      "wss://gone.example/ws: ENOTFOUND",
    ],
    [set({ addresses: [] }), "failed", "no address"],
  ],
  "HF-O002": [
    [set({ isSecure: false }), "warning", "ws://, to another machine"],
    [set({ isSecure: false, isLocal: true }), "ok", "on this machine"],
  ],
  "HF-O003": [[tls({ problem: "self-signed certificate" }), "failed", "self-signed"]],
  "HF-O004": [
    [tls({ daysLeft: 5 }), "warning", "in 5 days"],
    [tls({ daysLeft: -2 }), "failed", "the certificate ended 2 days ago"],
  ],
  "HF-O005": [
    [tls({ protocol: "TLSv1.1" }), "failed", "TLSv1.1"],
    [tls({ protocol: "SSLv3" }), "failed", "SSLv3"],
  ],
  "HF-O006": [[set({ adminPaths: ["/metrics"] }), "failed", "/metrics are answered"]],
  "HF-O007": [
    [set({ foreignOrigin: 101 }), "failed", "let in"],
    [set({ foreignOrigin: 502 }), "warning", "502"],
    [{ ...set({ foreignOrigin: 101 }), "gateway/settings/value/origins": ["*"] }, "ok", "origins *"],
  ],
  "HF-O008": [[set({ clockSkewMs: 60_000 }), "warning", "60 s ahead"]],
  "HF-O010": [
    [set({ health: 503 }), "failed", "/healthz is 503"],
    [
      { "outside/value": { health: unknown("/healthz is not answered (ECONNREFUSED)") } },
      "failed",
      "ECONNREFUSED",
    ],
  ],
  "HF-O011": [
    [set({ upgrade: { status: 400, isAccepted: false } }), "failed", "answered with 400"],
    [set({ upgrade: { status: 0, isAccepted: false } }), "failed", "ended without an answer"],
    [set({ upgrade: { status: 101, isAccepted: false } }), "failed", "wrong Sec-WebSocket-Accept"],
  ],
  "HF-O012": [
    [set({ subprotocol: { asked: "holdfast.v1.json", chosen: undefined } }), "failed", "none chosen"],
  ],
  "HF-O013": [
    [set({ connect: { error: "no answer within 10 s" } }), "failed", "no answer"],
    [set({ connect: { error: "unauthorized" } }), "skipped", "bring one with --token"],
  ],
  "HF-O014": [
    [
      set({ idle: { pingMs: 25_000, livedMs: 10_000, isPinged: false } }),
      "failed",
      "ended after 10.0 s of silence",
    ],
  ],
  "HF-O015": [
    [stream({ status: 0, firstBytesMs: undefined }), "failed", "no head came"],
    [stream({ firstBytesMs: undefined }), "failed", "held back"],
    [stream({ encoding: "gzip" }), "failed", "compressed on the way (gzip)"],
    [stream({ status: 502 }), "failed", "answered with 502"],
    [stream({ contentType: "text/html" }), "failed", "answered as text/html"],
    [stream({ status: 401 }), "skipped", "bring a token"],
  ],
  "HF-O016": [[set({ longHead: 431 }), "failed", "a head of 8 KiB is answered with 431"]],
  "HF-O017": [
    [{ ...UNASKED, "gateway/settings/value/trustedProxies": undefined }, "warning", "none is believed"],
    [{ ...UNASKED, ...set({ proxy: undefined }) }, "warning", "the settings believe one"],
    [UNASKED, "ok", "a proxy is on the way (TLS), and believed"],
    [probe({ address: undefined }), "ok", "a proxy is on the way (TLS), and believed"],
    [probe({ address: "192.0.2.77" }), "failed", "which it only claimed"],
    [probe({ address: "192.0.2.77", isProxy: false }), "failed", "clients choose their address"],
    [probe({ address: "10.0.0.7" }), "failed", "names no client"],
    [probe({ address: "10.0.0.8" }), "warning", "another proxy"],
    [probe({ address: "192.168.1.5" }), "ok", "which it is; the proxy at 10.0.0.7 says so"],
    [probe({ address: "10.0.0.7", isProxy: false }), "failed", "the proxy between is not believed"],
    [probe({ address: "203.0.113.9", peer: "203.0.113.9", isProxy: false }), "ok", "goes out"],
    [
      probe({ ...{ from: "198.51.100.2", peer: "203.0.113.9", address: "203.0.113.9" }, isProxy: false }),
      "failed",
      "this machine is 198.51.100.2",
    ],
    [
      probe({ ...{ peer: "192.168.1.5", peerPort: 50_000, address: "192.168.1.5" }, isProxy: false }),
      "ok",
      "no proxy between",
    ],
    [probe({ ...{ from: "2001:db8::5", address: "2001:db8:0:0::/64" } }), "ok", "which it is"],
  ],
});
