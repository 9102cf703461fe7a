/**
 * TLS where a request or a socket does not stay with the first process that reads it: a session of another
 * instance, and workers that listen themselves.
 */
import { Agent, request } from "node:https";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { WebSocket } from "ws";
import { CometCluster } from "./comet-cluster.js";
import { eventually, within } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { samples } from "./metrics-text.js";
import { startDirect } from "./modern-node.js";
import type { PollAnswer } from "./poll-client.js";
import { Resources } from "./resources.js";
import { slotOf } from "./session-owners.js";
import { type IssuedFiles, TestAuthority } from "./test-authority.js";

jest.setTimeout(120_000);

const shared = new Resources();
const own = new Resources();
let authority: TestAuthority;
let served: IssuedFiles;
let tlsArgs: readonly string[];

beforeAll(() => {
  authority = shared.add(new TestAuthority());
  served = authority.issue();
  tlsArgs = ["--tls-cert", served.cert, "--tls-key", served.key];
});
afterEach(() => own.close());
afterAll(() => shared.close());

const DEMO = JSON.stringify({ demo: { historySize: 20, historyTtl: "1m" } });

/** Opens a WebSocket over TLS. Resolves with its session. */
async function connect(port: number): Promise<string> {
  const url = `wss://127.0.0.1:${port}/ws?channels=news`;
  const socket = new WebSocket(url, "holdfast.v1.json", { ca: authority.text });
  own.add({ close: () => socket.terminate() });
  const said = new Promise<string>((resolve, reject) => {
    socket.once("message", (data) => resolve(String(data)));
    socket.once("error", reject);
  });
  const { connect: answer } = JSON.parse(await within(said, "the answer to a connect")) as {
    connect: { sid: string };
  };
  return answer.sid;
}

/** One poll, on a connection of its own. */
function poll(port: number, body: Readonly<Record<string, unknown>>): Promise<PollAnswer> {
  const { sid } = body;
  const path = typeof sid === "string" ? `/poll?sid=${sid}` : "/poll";
  const agent = new Agent({ ca: authority.text, keepAlive: false });
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, method: "POST", agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(JSON.parse(text) as PollAnswer);
        else reject(new Error(`${response.statusCode}: ${text}`));
      });
    });
    sent.on("error", reject).end(JSON.stringify(body));
  });
}

describe("two instances that speak TLS", () => {
  test("answer polls of each other's sessions, over TLS between them", async () => {
    const cluster = await CometCluster.start(own, tlsArgs);
    const [here, there] = cluster.ports;
    const opened = await poll(there, { channels: ["seq:tls"] });
    // The first of the session's polls at the other instance finds what was published before it.
    await cluster.gateways[0].publish("seq:tls", 1);
    let last = opened;
    const heard: unknown[] = [];
    await eventually("the publication has come", async () => {
      last = await poll(here, { sid: last.sid, cursor: last.cursor });
      heard.push(
        ...last.frames.flatMap(({ publication }) => (publication === undefined ? [] : [publication])),
      );
      return heard.length > 0;
    });
    expect(heard).toEqual([expect.objectContaining({ channel: "seq:tls", data: 1 })]);
    expect(last.sid).toBe(opened.sid);
    const { forwarded = 0, here: answeredHere = 0 } = await cluster.routed();
    expect(forwarded).toBeGreaterThan(0);
    expect(answeredHere).toBe(0);
  });
});

// Elsewhere no two processes share a port.
if (process.platform === "linux") {
  describe("workers that listen themselves", () => {
    test("speak TLS: any worker opens a session, and a poll finds the worker that has it", async () => {
      const [port = 0] = [await freePorts(1)];
      const gateway = own.add(await startDirect(port, [...tlsArgs, "--namespaces", DEMO]));
      const slots = new Set<number | undefined>();
      await eventually("a WebSocket is at each worker", async () => {
        slots.add(slotOf(await connect(port)));
        return slots.size === 2;
      });
      // Each poll comes on a connection of its own, which the kernel gives to either worker.
      let last = await poll(port, { channels: ["demo:tls"] });
      const { sid } = last;
      const heard: unknown[] = [];
      for (let n = 0; n < 10; n++) {
        await gateway.publish("demo:tls", n);
        await eventually("the publication has come", async () => {
          last = await poll(port, { sid, cursor: last.cursor });
          heard.push(...last.frames.flatMap(({ publication }) => (publication ? [publication] : [])));
          return heard.length > n;
        });
      }
      expect(heard).toEqual(
        Array.from({ length: 10 }, (_, n) => expect.objectContaining({ channel: "demo:tls", data: n })),
      );
      expect(last.sid).toBe(sid);
      const { text } = await gateway.adminGet("/metrics");
      const relayed = samples(text, "holdfast_http_requests_routed_total").filter(
        ({ labels }) => labels.way === "relayed",
      );
      expect(relayed.reduce((sum, { value }) => sum + value, 0)).toBeGreaterThan(0);
      expect(gateway.banner.urls[0]).toMatch(/^https:/);
    });
  });
}
