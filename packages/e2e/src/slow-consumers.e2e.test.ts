/**
 * Clients that stop reading while a publisher goes on, under each policy, over real sockets.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { eventually, within } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { type Frame, PlainClient } from "./plain-client.js";
import { RawSocket } from "./raw-socket.js";
import { Resources } from "./resources.js";

const MAX_OUTBOX_BYTES = 256 * 1024;
/** Large, because the kernels of both sides take megabytes before anything waits in the gateway. */
const PAD = "x".repeat(64 * 1024);
const MAX_PUBLICATIONS = 1000;
/** Publications after a client has fallen behind. */
const MORE = 50;

const NAMESPACES = {
  log: { slowConsumer: "drop", historySize: 10 },
  plain: { slowConsumer: "drop" },
  state: { slowConsumer: "latest", historySize: 10 },
  keyed: { slowConsumer: "latest", conflateKey: "key" },
};

interface Slow {
  readonly id: string;
  readonly bytes: number;
  readonly skipped: number;
  readonly behind: readonly string[];
}

const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;

beforeAll(async () => {
  const args = ["--max-outbox-bytes", `${MAX_OUTBOX_BYTES / 1024}KiB`, "--workers", "2"];
  gateway = shared.add(
    await GatewayProcess.start({ args: [...args, "--namespaces", JSON.stringify(NAMESPACES)] }),
  );
});
afterEach(() => own.close());
afterAll(() => shared.close());

/** A client that has read its welcome, and nothing after it. */
async function stalled(channel: string): Promise<{ raw: RawSocket; sid: string }> {
  const raw = await RawSocket.open(gateway.ws(`channels=${channel}`));
  own.add({ close: () => raw.destroy() });
  const welcome = await eventually("its welcome", () => raw.messages[0]);
  raw.socket.pause();
  return { raw, sid: JSON.parse(welcome).connect.sid };
}

async function slowest(limit = 20): Promise<readonly Slow[]> {
  const { status, text } = await gateway.adminGet(`/api/slow?limit=${limit}`);
  expect(status).toBe(200);
  return JSON.parse(text).connections;
}

/** Publishes numbers from `next` on until `done`. Returns the next number. */
async function publishUntil(channel: string, next: number, done: () => Promise<boolean>): Promise<number> {
  for (let n = next; n < next + MAX_PUBLICATIONS; n++) {
    await gateway.publish(channel, { n, key: n % 3, pad: PAD });
    if (await done()) return n + 1;
  }
  throw new Error("nothing happened to the slow one");
}

async function isBehind(sid: string): Promise<boolean> {
  return (await slowest()).some(({ id, behind }) => id === sid && behind.length > 0);
}

/** Lets a client fall behind and publishes more; returns how much was published, and how slow it is. */
async function fallBehind(channel: string, sid: string): Promise<{ published: number; slow: Slow }> {
  const next = await publishUntil(channel, 1, () => isBehind(sid));
  let left = MORE;
  const end = await publishUntil(channel, next, async () => --left === 0);
  const slow = (await slowest()).find(({ id }) => id === sid);
  if (slow === undefined) throw new Error("it is not on the list");
  return { published: end - 1, slow };
}

function frames(raw: RawSocket): Frame[] {
  return raw.messages.slice(1).map((message) => JSON.parse(message) as Frame);
}

/** Reads on until the publication `n` has come; returns all frames. */
async function readUntil(raw: RawSocket, n: number): Promise<Frame[]> {
  raw.socket.resume();
  await eventually(`publication ${n}`, () =>
    frames(raw)
      .slice(-3)
      .some(({ publication }) => publication?.data.n === n),
  );
  return frames(raw);
}

/** Everything from 1 to `last`, in order, in publications and gaps; returns the gaps. */
function account(all: readonly Frame[], last: number): Frame[] {
  const gaps: Frame[] = [];
  let next = 1;
  for (const { publication, gap } of all) {
    if (gap !== undefined) {
      expect(gap).toMatchObject({ reason: "slow", from: next });
      next = gap.to + 1;
      gaps.push(gap);
    } else if (publication !== undefined) {
      expect(publication.offset).toBe(next++);
    }
  }
  expect(next - 1).toBe(last);
  return gaps;
}

describe("a client that stops reading", () => {
  test("is disconnected with `slow` where nothing else is said, and others hear on", async () => {
    const { raw, sid } = await stalled("news");
    const other = own.add(await PlainClient.subscribed(gateway.ws("channels=news")));
    const next = await publishUntil("news", 1, async () => {
      const { text } = await gateway.adminGet("/metrics");
      return metric(text, "holdfast_slow_consumers_total") > 0;
    });
    for (let n = 1; n < next; n++) expect((await other.next()).publication.data.n).toBe(n);
    raw.socket.resume();
    expect(await within(raw.closed, "its end")).toEqual({ code: 3002, reason: "slow" });
    const line = await gateway.logged(({ msg }) => msg === "slow consumers");
    expect(line).toMatchObject({ connection: sid, disconnected: 1, topic: "channel:news" });
    expect(line.bytes).toBeGreaterThan(MAX_OUTBOX_BYTES);
  });

  test("is told of a gap under `drop`, holds no more than its outbox, and goes on", async () => {
    const { raw, sid } = await stalled("log:a");
    const other = own.add(await PlainClient.subscribed(gateway.ws("channels=log:a")));
    const { published, slow } = await fallBehind("log:a", sid);
    expect(slow.bytes).toBeLessThan(MAX_OUTBOX_BYTES + 4 * PAD.length);
    expect(slow.skipped).toBeGreaterThanOrEqual(MORE);
    expect(slow.behind).toEqual(["log:a"]);
    raw.socket.resume();
    await eventually("it has caught up", async () => !(await isBehind(sid)));
    await gateway.publish("log:a", { n: published + 1 });
    const gaps = account(await readUntil(raw, published + 1), published + 1);
    expect(gaps.length).toBeGreaterThan(0);
    for (let n = 1; n <= published + 1; n++) expect((await other.next()).publication.data.n).toBe(n);
    expect(raw.socket.destroyed).toBe(false);
  });

  test("is told of a gap without offsets where there is no history", async () => {
    const { raw, sid } = await stalled("plain:a");
    const { published } = await fallBehind("plain:a", sid);
    raw.socket.resume();
    await eventually("it has caught up", async () => !(await isBehind(sid)));
    await gateway.publish("plain:a", { n: published + 1 });
    const all = await readUntil(raw, published + 1);
    expect(all.filter(({ gap }) => gap !== undefined)[0]).toEqual({
      gap: { channel: "plain:a", reason: "slow" },
    });
  });

  test("gets the newest under `latest` when it reads again, and a gap for the rest", async () => {
    const { raw, sid } = await stalled("state:a");
    const { published } = await fallBehind("state:a", sid);
    account(await readUntil(raw, published), published);
  });

  test("gets the newest of each key where the namespace names one", async () => {
    const { raw, sid } = await stalled("keyed:a");
    const { published } = await fallBehind("keyed:a", sid);
    const all = await readUntil(raw, published);
    const last = all.slice(-3).map(({ publication }) => publication?.data.n);
    expect(last).toEqual([published - 2, published - 1, published]);
  });
});

test("the list of slow connections is bounded, and says so", async () => {
  await eventually("those of before are gone", async () => (await slowest(1)).length === 0);
  const { status, text } = await gateway.adminGet("/api/slow?limit=many");
  expect({ status, text }).toMatchObject({ status: 400, text: expect.stringContaining("1 to 1000") });
});
