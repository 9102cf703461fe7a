/**
 * The engines as an operator meets them: which one runs and why, and the three transports on the engine `ws`.
 */
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { WebSocket } from "ws";
import { eventually } from "./deadline.js";
import { EventStream } from "./event-stream.js";
import { GatewayProcess } from "./gateway-process.js";
import { samples } from "./metrics-text.js";
import { PollClient } from "./poll-client.js";
import { Resources } from "./resources.js";

jest.setTimeout(90_000);

const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;
beforeAll(async () => {
  const namespaces = JSON.stringify({ demo: { clientPublish: true } });
  gateway = shared.add(await GatewayProcess.start({ args: ["--engine", "ws", "--namespaces", namespaces] }));
});
afterEach(() => own.close());
afterAll(() => shared.close());

async function engineOf({ adminGet }: { adminGet: GatewayProcess["adminGet"] }): Promise<string | undefined> {
  const { text } = await adminGet("/metrics");
  return samples(text, "holdfast_build_info")[0]?.labels.engine;
}

/** A WebSocket, and what it hears. */
class Listening {
  readonly heard: string[] = [];
  readonly socket: WebSocket;
  end: string | undefined;

  constructor(url: string) {
    this.socket = new WebSocket(url)
      .on("message", (data) => this.heard.push(String(data)))
      .on("error", () => {})
      .on("close", (code, reason) => {
        this.end = `${code} ${reason}`;
      });
  }

  close(): void {
    this.socket.terminate();
  }
}

describe("the engine ws", () => {
  test("is named by the start, by its line and by /metrics", async () => {
    expect(gateway.banner.engine).toBe("ws");
    await gateway.logged(({ msg }) => msg.includes("run on the engine ws: the setting `engine` says so"));
    expect(await engineOf({ adminGet: (...asked) => gateway.adminGet(...asked) })).toBe("ws");
  });

  test("delivers one publication to a WebSocket, an event stream and a poll", async () => {
    const socket = own.add(new Listening(gateway.ws("channels=demo:all&format=raw")));
    const stream = own.add(new EventStream(`${gateway.http}/sse?channels=demo:all&format=raw`));
    await eventually("both hear it", async () => {
      await gateway.publish("demo:all", { n: 1 });
      return socket.heard.includes('{"n":1}') && stream.messages.includes('{"n":1}');
    });
    const poller = own.add(new PollClient(() => gateway.http, { channels: ["demo:all"] }));
    await eventually("the poll hears it", async () => {
      await gateway.publish("demo:all", { n: 2 });
      return poller.data("demo:all").length > 0;
    });
  });

  test("carries commands, large messages and pings, and refuses wrong frames in the protocol's words", async () => {
    const client = own.add(new Listening(gateway.ws()));
    await eventually("it is open", () => client.socket.readyState === WebSocket.OPEN);
    client.socket.send('{"id":1,"connect":{"subs":{"demo:large":null}}}');
    await eventually("it is connected", () => client.heard.length > 0);
    const large = "x".repeat(20_000);
    client.socket.send(JSON.stringify({ id: 3, publish: { channel: "demo:large", data: large } }));
    await eventually("it hears itself", () => client.heard.some((text) => text.includes(large)));
    const pong = new Promise((resolve) => client.socket.once("pong", (data) => resolve(String(data))));
    client.socket.ping("there?");
    expect(await pong).toBe("there?");
    client.socket.send(Buffer.of(1, 2, 3));
    await eventually("it was refused", () => client.end !== undefined);
    expect(client.end).toBe("3500 bad_frame");
    expect(client.heard.at(-1)).toContain("Binary messages are not taken.");
  });
});

describe("the engine auto", () => {
  test("is lean on this Node.js", async () => {
    const plain = own.add(await GatewayProcess.start({ args: ["--engine", "auto"] }));
    expect(plain.banner.engine).toBe("lean");
    expect(await engineOf({ adminGet: (...asked) => plain.adminGet(...asked) })).toBe("lean");
  });

  test("is ws on a Node.js that no test has run on: the start works, and warns", async () => {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-engine-"));
    own.add({ close: () => rm(folder, { recursive: true }) });
    const preload = join(folder, "later.cjs");
    const later =
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '99.1.0' } });";
    writeFileSync(preload, later);
    const env = { NODE_OPTIONS: `--require ${preload}` };
    const odd = own.add(await GatewayProcess.start({ args: ["--engine", "auto"], env }));
    expect(odd.banner.engine).toBe("ws");
    const { level } = await odd.logged(({ msg }) => msg.includes("run on the engine ws: Node.js 99.1.0"));
    expect(level).toBe(40);
    const client = own.add(new Listening(odd.ws("channels=news&format=raw")));
    await eventually("it is heard", async () => {
      await odd.publish("news", 1);
      return client.heard.includes("1");
    });
  });
});
