/**
 * Compression between a gateway of either engine and clients that offer it, beside clients that do not: `ws`,
 * a browser, and polls.
 */
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { Browser } from "./browser.js";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { PlainClient } from "./plain-client.js";
import { Program } from "./program.js";
import { Resources } from "./resources.js";

const NAMESPACES = { chat: { public: true, clientPublish: true }, large: { compressMin: "100KiB" } };
const QUOTE = { text: "a quote that is said again. ".repeat(40) };

const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;
afterEach(() => own.close());
afterAll(() => shared.close());

async function start(flags: readonly string[]): Promise<GatewayProcess> {
  const args = ["--workers", "1", "--namespaces", JSON.stringify(NAMESPACES), ...flags];
  return shared.add(await GatewayProcess.start({ args }));
}

async function counted(name: string): Promise<number> {
  const { text } = await gateway.adminGet("/metrics");
  return metric(text, `holdfast_${name}_total`);
}

async function subscriber(channel: string, perMessageDeflate: boolean): Promise<PlainClient> {
  return own.add(await PlainClient.subscribed(gateway.ws(`channels=${channel}`), { perMessageDeflate }));
}

describe.each(["lean", "ws"])("compression shared on the engine %s", (engine) => {
  beforeAll(async () => {
    gateway = await start(["--engine", engine, "--compression", "shared"]);
  });

  test("a batch is compressed once for all that agreed on it, and others get the same plain", async () => {
    const clients = [];
    for (let i = 0; i < 6; i++) clients.push(await subscriber("chat:a", i % 2 === 0));
    const before = await counted("deflated");
    await gateway.publish("chat:a", QUOTE);
    for (const client of clients) expect((await client.next()).publication.data).toEqual(QUOTE);
    expect(await counted("deflated")).toBe(before + 1);
    await gateway.publish("chat:a", "short");
    for (const client of clients) expect((await client.next()).publication.data).toBe("short");
    expect(await counted("deflated")).toBe(before + 1);
  });

  test("a namespace says from which size", async () => {
    const client = await subscriber("large:a", true);
    const before = await counted("deflated");
    await gateway.publish("large:a", QUOTE);
    expect((await client.next()).publication.data).toEqual(QUOTE);
    expect(await counted("deflated")).toBe(before);
  });

  test("a client's bomb ends it with too_big, and the gateway goes on", async () => {
    const socket = new WebSocket(gateway.ws(), { perMessageDeflate: { threshold: 0 } });
    own.add({ close: () => socket.terminate() });
    await once(socket, "open");
    expect(socket.extensions).toBe("permessage-deflate");
    socket.send("x".repeat(10_000_000));
    const [code] = await once(socket, "close");
    expect(code).toBe(3501);
    const other = await subscriber("chat:b", true);
    await gateway.publish("chat:b", QUOTE);
    expect((await other.next()).publication.data).toEqual(QUOTE);
  });

  test("offers that are no list are refused, and odd ones make a plain connection", async () => {
    const offering = (header: string) =>
      PlainClient.connect(gateway.ws(), { headers: { "Sec-WebSocket-Extensions": header } });
    await expect(offering("permessage-deflate;")).rejects.toMatchObject({ status: 400 });
    own.add(await offering("permessage-deflate; unknown=1"));
  });

  test("a browser hears and says compressed messages", async () => {
    const browser = own.add(await Browser.start());
    const page = await browser.open(gateway.http);
    const [deflated, inflated] = [await counted("deflated"), await counted("inflated")];
    await page.evaluate((url) => {
      const socket = new globalThis.WebSocket(url, "holdfast.v1.json");
      const seen: string[] = [];
      Object.assign(globalThis, { socket, seen });
      socket.onmessage = ({ data }) => void seen.push(String(data));
      socket.onopen = () => socket.send(JSON.stringify({ id: 1, connect: { subs: { "chat:c": null } } }));
    }, gateway.ws());
    type Told = {
      readonly socket: { extensions: string; send(text: string): void };
      readonly seen: string[];
    };
    await page.waitForFunction(() => (globalThis as unknown as Told).seen.length > 0);
    expect(await page.evaluate(() => (globalThis as unknown as Told).socket.extensions)).toContain(
      "permessage-deflate",
    );
    await page.evaluate((data) => {
      const command = { id: 2, publish: { channel: "chat:c", data } };
      (globalThis as unknown as Told).socket.send(JSON.stringify(command));
    }, QUOTE);
    await eventually("the publication in the browser", async () => {
      const seen = await page.evaluate(() => (globalThis as unknown as Told).seen);
      return seen.some((text) => text.includes("said again"));
    });
    expect(await counted("deflated")).toBeGreaterThan(deflated);
    expect(await counted("inflated")).toBeGreaterThanOrEqual(inflated + 2);
  });

  test("polls are gzip where their client takes it, compressed once, and streams are plain", async () => {
    const poll = async (body: object, coding: string) => {
      const headers = { "Content-Type": "application/json", "Accept-Encoding": coding };
      const init = { method: "POST", body: JSON.stringify(body), headers };
      const { text, headers: answered } = await gateway.get("/poll", init);
      const coded = [answered.get("content-encoding"), answered.get("vary")];
      return { ...(JSON.parse(text) as { sid: string; cursor: string; frames: object[] }), coded };
    };
    const codings = ["gzip", "gzip", "identity"];
    const first = await Promise.all(codings.map((coding) => poll({ channels: ["chat:p"] }, coding)));
    const next = Promise.all(first.map(({ sid, cursor }, i) => poll({ sid, cursor }, codings[i] as string)));
    const before = await counted("deflated");
    await gateway.publish("chat:p", QUOTE);
    const answers = await next;
    for (const { frames } of answers)
      expect(frames).toMatchObject([{ publication: { channel: "chat:p", data: QUOTE } }]);
    expect(answers.map(({ coded }) => coded)).toEqual([
      ["gzip", "Accept-Encoding"],
      ["gzip", "Accept-Encoding"],
      [null, "Accept-Encoding"],
    ]);
    expect(await counted("deflated")).toBe(before + 1);
    const stream = await fetch(`${gateway.http}/sse?channels=chat:p`, {
      headers: { "Accept-Encoding": "gzip" },
    });
    expect(stream.headers.get("content-encoding")).toBeNull();
    await stream.body?.cancel();
  });
});

describe("compression dedicated", () => {
  beforeAll(async () => {
    gateway = await start(["--engine", "auto", "--compression", "dedicated", "--compress-min", "16B"]);
  });

  test("takes the engine ws by itself, and says why", async () => {
    expect(gateway.banner.engine).toBe("ws");
    const { level } = await gateway.logged(({ msg }) => msg.includes("`compression` is dedicated"));
    expect(level).toBe(30);
  });

  test("refers back to what was sent before, so that the second message of a kind is short", async () => {
    const deflating = await subscriber("chat:d", true);
    const plain = await subscriber("chat:d", false);
    for (let n = 0; n < 4; n++) {
      await gateway.publish("chat:d", { ...QUOTE, n });
      for (const client of [deflating, plain])
        expect((await client.next()).publication.data).toEqual({ ...QUOTE, n });
    }
    expect(deflating.bytesRead).toBeLessThan(plain.bytesRead / 4);
  });
});

test("dedicated compression on the engine lean is refused at the start, with a sentence", async () => {
  const program = own.add(Program.holdfast(["start", "--engine", "lean", "--compression", "dedicated"]));
  const { code } = await program.exit();
  expect(program.stderr.join("\n")).toContain("compression dedicated needs the engine ws");
  expect(code).toBe(2);
});
