/**
 * /healthz tells the truth within its deadline, also while workers have stopped, and to load balancers that
 * check with a header of the PROXY protocol or without one.
 */
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { HaProxy } from "./haproxy.js";
import { PlainClient } from "./plain-client.js";
import { rawRequest } from "./raw-request.js";
import { Resources } from "./resources.js";

jest.setTimeout(60_000);

const own = new Resources();
afterEach(() => own.close());

describe("health checks while workers have stopped", () => {
  test("are answered by a worker that has not, and by 503 when all have, until they go on", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: ["--workers", "2"] }));
    const [first = 0, second = 0] = gateway.workerPids();
    own.add({ close: () => [first, second].forEach(goOn) });
    process.kill(first, "SIGSTOP");
    for (let i = 0; i < 6; i++) expect((await gateway.get("/healthz")).status).toBe(200);
    process.kill(second, "SIGSTOP");
    expect(await gateway.get("/healthz")).toMatchObject({
      status: 503,
      text: expect.stringContaining("no_worker"),
    });
    goOn(first);
    goOn(second);
    await eventually("healthy again", async () => (await gateway.get("/healthz")).status === 200);
  });
});

/** Two ways to the same gateway: its checks have a header as its connections do, or have none. */
const checking =
  (gatewayPort: number) =>
  (port: number): string => {
    const backend = (name: string, n: number, check: string): string => `frontend door-${name}
  bind 127.0.0.1:${port + n}
  default_backend ${name}
backend ${name}
  option httpchk GET /healthz
  timeout check 5s
  server gateway 127.0.0.1:${gatewayPort} send-proxy-v2 check inter 200ms fall 2 rise 1 ${check}
`;
    return `global
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${backend("with", 0, "check-send-proxy")}${backend("without", 1, "no-check-send-proxy")}`;
  };

/**
 * PROXY v2 over TCP4 as a network load balancer sends it: 84 bytes after the fixed 16 (kubernetes#57250), of
 * which 12 are addresses and the rest TLVs: a checksum, the VPC endpoint, padding.
 */
function headerOfAws(): Buffer {
  const fixed = Buffer.from("0d0a0d0a000d0a515549540a21110054", "hex");
  const addresses = Buffer.from("cb0071070a000001c0001f90", "hex");
  const tlv = (type: number, value: Buffer): Buffer =>
    Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 255]), value]);
  const endpoint = tlv(0xea, Buffer.concat([Buffer.from([1]), Buffer.from("vpce-08d2bf15fac5001c9")]));
  const known = [addresses, tlv(0x03, Buffer.alloc(4, 7)), endpoint];
  const left = 84 - Buffer.concat(known).length - 3;
  return Buffer.concat([fixed, ...known, tlv(0x04, Buffer.alloc(left))]);
}

describe("health checks of a load balancer that speaks PROXY v2", () => {
  test("pass with the header and without it, by HAProxy, and clients come through", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: ["--proxy-protocol", "--anonymous"] }));
    const proxy = own.add(await HaProxy.configured(checking(gateway.port), 2));
    const health = async (): Promise<readonly string[]> =>
      (await proxy.servers())
        .filter(({ svname }) => svname === "gateway")
        .map(({ status, check_status }) => `${status} ${check_status}`);
    await eventually("both pass", async () => (await health()).join() === "UP L7OK,UP L7OK");
    for (const port of [proxy.port, proxy.port + 1]) {
      const client = own.add(await PlainClient.subscribed(`ws://127.0.0.1:${port}/ws?channels=news`));
      await gateway.publish("news", port);
      expect(await client.next()).toMatchObject({ publication: { data: port } });
    }
    gateway.signal("SIGSTOP");
    own.add({ close: () => gateway.signal("SIGCONT") });
    await eventually("both fail", async () => (await health()).every((each) => each.startsWith("DOWN")));
    gateway.signal("SIGCONT");
    await eventually("both pass again", async () => (await health()).join() === "UP L7OK,UP L7OK");
  });

  test("pass with the TLVs that AWS adds, in one piece or byte by byte", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: ["--proxy-protocol"] }));
    const header = headerOfAws();
    expect(header.length).toBe(100);
    const ask = "GET /healthz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n";
    for (const pieces of [[header], [...header].map((byte) => Buffer.from([byte])), []])
      expect((await rawRequest(gateway.http, ...pieces, ask)).status).toBe(200);
    // A header that claims less than it has is no request.
    const short = Buffer.from(header);
    short[15] = 40;
    expect((await rawRequest(gateway.http, short, ask)).status).not.toBe(200);
  });
});

function goOn(pid: number): void {
  try {
    process.kill(pid, "SIGCONT");
  } catch {
    // It has ended.
  }
}
