import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer, type Server } from "node:tls";
import { noMetrics, silentLogger, systemClock } from "@holdfast/core";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Redis } from "ioredis";
import { SeamsOnRedis } from "../seams-on-redis.js";
import { parseRedisUrl } from "../target.js";
import { hearStreamErrors } from "./stream-errors.js";

/** Signed by itself, so that no client trusts it; its key is known to all. */
const CERT = `-----BEGIN CERTIFICATE-----
MIIBgjCCASegAwIBAgIURcb+7Y442TzfdSrXe4Y4zWHbGogwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKcmVkaXMudGVzdDAgFw0yNjExMjkwMTA4NDlaGA8yMTI2MTEw
NTAxMDg0OVowFTETMBEGA1UEAwwKcmVkaXMudGVzdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABLbp97DZnpZI6CMmatU2rlut2E/939A5B+CxeeG4RHhxwkFR7Bhu
nC9safG+ZN4aijx5AYNZikUVgds0BvY0+uijUzBRMB0GA1UdDgQWBBTh23DDUQM1
/ACxGl1q4gZKBM1hwjAfBgNVHSMEGDAWgBTh23DDUQM1/ACxGl1q4gZKBM1hwjAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDTKK1Knmaa4YLqdP+O
N02gU+rn7NdeL0QpbQDuoTPb8gIhANGbxnfsRDZ1VrsvEREj7ex4m1kNFpnhItLr
RznaIs1G
-----END CERTIFICATE-----
`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5kjB8ycKcH4ocLWz
SRNI6KvX/88RoCDEPKXSU0M0kBehRANCAAS26few2Z6WSOgjJmrVNq5brdhP/d/Q
OQfgsXnhuER4ccJBUewYbpwvbGnxvmTeGoo8eQGDWYpFFYHbNAb2NPro
-----END PRIVATE KEY-----
`;
const HANDSHAKES = 120;

describe("a Redis whose certificate is not trusted", () => {
  let server: Server;
  let port = 0;
  let handshakes = 0;
  let onHandshake: () => void = () => {};
  const sockets = new Set<Socket>();

  beforeEach(async () => {
    handshakes = 0;
    server = createServer({ cert: CERT, key: KEY }, (socket) => socket.on("error", () => {}));
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      handshakes++;
      onHandshake();
    });
    server.on("tlsClientError", () => {});
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });

  it.each([
    ["one server", /self-signed certificate/, () => `rediss://127.0.0.1:${port}`],
    [
      "Sentinels",
      /sentinels are unreachable.*self-signed certificate/,
      () => `rediss+sentinel://127.0.0.1:${port}/main`,
    ],
    ["a Cluster", /self-signed certificate/, () => `rediss+cluster://127.0.0.1:${port},localhost:${port}`],
  ])("is tried again and again, and its reason told: %s", async (_, reason, url) => {
    const target = parseRedisUrl(url());
    if ("problem" in target) throw new Error(target.problem);
    const reasons: string[] = [];
    const told = new Promise<void>((resolve) => {
      onHandshake = () => handshakes >= HANDSHAKES && resolve();
    });
    const broker = new SeamsOnRedis(
      { target, minRetryDelayMs: 1, maxRetryDelayMs: 2, commandTimeoutMs: 2000 },
      {
        clock: systemClock,
        logger: {
          ...silentLogger,
          warn: (fields) => reasons.push(String("reason" in fields && fields.reason)),
        },
        metrics: noMetrics,
        random: Math.random,
      },
    ).broker;
    broker.start({ publication: () => {}, state: () => {} });
    await told;
    await broker.close();
    expect(reasons.join()).toMatch(reason);
    // Once per outage and reason, not once per try.
    expect(reasons.length).toBeLessThan(10);
  });

  it("may end a socket with any number of errors", async () => {
    hearStreamErrors();
    const client = new Redis({ host: "127.0.0.1", port, lazyConnect: true, retryStrategy: null, tls: {} });
    const failures: string[] = [];
    client.on("error", (error: Error) => failures.push(error.message));
    const connecting = client.connect().catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    const stream = (client as unknown as { readonly stream: Socket }).stream;
    for (const message of ["first", "second", "third"]) stream.emit("error", new Error(message));
    expect(failures).toEqual(["first"]);
    client.disconnect();
    await connecting;
  });
});
