import { breaking } from "../testing/breaking.js";
import { RUNNING_CHECKS, SETTINGS_CHECKS } from "./gateway.js";

const set = (changes: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(changes).map(([key, value]) => [`gateway/settings/value/${key}`, value]));
const told = (changes: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(changes).map(([key, value]) => [`gateway/running/value/${key}`, value]));
const secret = (bits: number, isExample: boolean) =>
  set({ secrets: [{ key: "jwtSecret", bits, isExample }] });

breaking(
  "settings",
  SETTINGS_CHECKS,
  {
    "HF-G001": [
      [
        { "gateway/problems": ["port must be …", "b", "c", "d", "e", "f"] },
        "failed",
        "port must be …; b; c; d; e; and 1 more",
      ],
    ],
    "HF-G002": [
      [{ "gateway/warnings": ["jwtIssuer changes nothing"] }, "warning", "jwtIssuer changes nothing"],
    ],
    "HF-G010": [
      [set({ pingInterval: 40_000 }), "warning", "40 s, and an idle timeout of 60 s"],
      [set({ pingInterval: 60_000 }), "failed", "60 s, and an idle timeout of 60 s"],
      [{ ...set({ pingInterval: 60_000 }), "gateway/idleTimeoutMs": 350_000 }, "ok", "350 s"],
    ],
    "HF-G011": [[set({ pingInterval: 300_000 }), "warning", "up to 458 s"]],
    "HF-G012": [[set({ pollHold: 60_000 }), "failed", "60 s"]],
    "HF-G013": [
      [set({ drainWindow: 300_000 }), "failed", "TimeoutStopSec=300s, and a stop takes up to 385 s"],
    ],
    "HF-G014": [
      [set({ drainDelay: 0 }), "warning", "0 s"],
      [set({ drainDelay: 0, isPublic: false }), "ok", "loopback"],
    ],
    "HF-G015": [[set({ drainWindow: 10_000 }), "warning", "takes 1000 a second"]],
    "HF-G020": [
      [set({ origins: ["*"], showsCookies: true }), "failed", "by cookies"],
      [set({ origins: ["*"] }), "warning", "pages of any site"],
      [set({ origins: undefined }), "ok", "only the gateway's own host"],
    ],
    "HF-G021": [
      [set({ anonymous: true, knowsClients: false }), "warning", "every channel is open"],
      [set({ anonymous: true }), "ok", "beside those with tokens"],
    ],
    "HF-G022": [
      [set({ hasAdminKey: false }), "warning", "none"],
      [set({ hasAdminKey: false, isAdminPublic: true }), "failed", "other machines reach the port"],
    ],
    "HF-G023": [[set({ isAdminPublic: true }), "warning", "other machines reach it"]],
    "HF-G024": [
      [secret(40, false), "failed", "jwtSecret (about 40 bits) can be guessed"],
      [secret(256, true), "failed", "the example of the documents"],
    ],
    "HF-G025": [[set({ tokenInUrl: true }), "warning", "taken"]],
    "HF-G026": [
      [
        set({ plainUrls: [{ key: "jwksUrl", host: "issuer.example" }] }),
        "failed",
        "jwksUrl asks issuer.example",
      ],
    ],
    "HF-G027": [
      [set({ trustedProxies: ["0.0.0.0/0"] }), "failed", "every client is believed"],
      [set({ trustedProxies: undefined, proxyProtocol: true }), "warning", "of every peer"],
    ],
    "HF-G028": [[set({ trustedProxies: undefined }), "warning", "only where clients connect directly"]],
    "HF-G030": [[set({ workers: 12 }), "warning", "12 on 4 CPUs"]],
    "HF-G031": [[set({ port: [8080] }), "warning", "1 for 100,000 connections; 2 are needed"]],
    "HF-G032": [[set({ backlog: 511 }), "warning", "511 for each port; a second may bring 3,334"]],
    "HF-G033": [
      [set({ maxOutboxBytes: 16 * 1024 ** 2 }), "warning", "1,000 full ones of 16 MiB are 15.6 GiB"],
    ],
    "HF-G034": [[set({ logLevel: "debug" }), "warning", "debug"]],
  },
  { alwaysKnown: ["HF-G001", "HF-G002"] },
);

breaking("a running gateway", RUNNING_CHECKS, {
  "HF-G040": [
    [
      told({ notReady: ["The broker cannot be reached by 2 workers."] }),
      "failed",
      "The broker cannot be reached",
    ],
  ],
  "HF-G041": [
    [told({ connections: 90_000 }), "warning", "(90 %)"],
    [told({ connections: 100_000 }), "failed", "(100 %)"],
  ],
  "HF-G042": [[told({ workerRestarts: 3 }), "warning", "4 run, 3 were started again"]],
});
