import { errors } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import { ClientHarness } from "../testing/client-harness.js";
import { settled } from "../testing/fake-clock.js";
import { clientErrors } from "../wire/errors.js";
import { MAX_RETRYING } from "./retrying.js";

const key = "order-7";
const published = { publish: { channel: "demo:a", data: 1, key } };

/** Notes how a promise ends. */
function outcome(promise: Promise<unknown>): { value?: unknown; error?: unknown } {
  const noted: { value?: unknown; error?: unknown } = {};
  promise.then(
    (value) => Object.assign(noted, { value }),
    (error) => Object.assign(noted, { error }),
  );
  return noted;
}

describe("publish() with a key", () => {
  it("is sent again on the next connection, and resolves with the position", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    const done = outcome(harness.client.publish("demo:a", 1, { key }));
    await settled();
    socket.closedBy(1006);
    await harness.clock.advance(250);
    expect(done).toEqual({});
    harness.socket.welcome();
    await settled();
    expect([socket, harness.socket].map(({ frames }) => frames.slice(1))).toEqual([
      [{ id: 2, ...published }],
      [{ id: 2, ...published }],
    ]);
    harness.socket.receive({ id: 2, publish: { offset: 8, epoch: "a", later: 1 } });
    await settled();
    expect(done).toEqual({ value: { offset: 8, epoch: "a" } });
  });

  it("waits for the first connection, too", async () => {
    const harness = new ClientHarness();
    const done = outcome(harness.client.publish("demo:a", 1, { key }));
    await settled();
    const socket = await harness.connected();
    socket.receive({ id: 2, publish: {} });
    await settled();
    expect(done).toEqual({ value: {} });
  });

  it("backs off from temporary errors and gives up at the deadline", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected({ ping: 0 });
    const done = outcome(harness.client.publish("demo:a", 1, { key, deadlineMs: 600 }));
    for (const [id, delay] of [
      [2, 250],
      [3, 350],
    ] as const) {
      await settled();
      socket.receive({ id, error: errors.unavailable });
      await harness.clock.advance(delay - 1);
      expect(socket.frames).toHaveLength(id);
      await harness.clock.advance(1);
      await settled();
      expect(socket.frames.at(-1)).toEqual({ id: id + 1, ...published });
    }
    socket.receive({ id: 4, error: errors.unavailable });
    await settled();
    expect(done).toMatchObject({ error: { name: "unavailable" } });
    expect(harness.clock.timers).toBe(0);
  });

  it("rejects with the first error that is not temporary", async () => {
    const harness = new ClientHarness();
    const socket = await harness.connected();
    const done = outcome(harness.client.publish("demo:a", 1, { key }));
    await settled();
    socket.receive({ id: 2, error: errors.forbidden });
    await settled();
    expect(done).toMatchObject({ error: { name: "forbidden" } });
  });

  it("rejects when the client is closed, and leaves no timer", async () => {
    const harness = new ClientHarness();
    await harness.connected();
    const flying = outcome(harness.client.publish("demo:a", 1, { key }));
    await settled();
    harness.socket.closedBy(1006);
    const waiting = outcome(harness.client.publish("demo:a", 1, { key }));
    await settled();
    harness.client.close();
    await settled();
    expect([flying, waiting]).toMatchObject([{ error: { name: "closed" } }, { error: { name: "closed" } }]);
    expect(harness.clock.timers).toBe(0);
  });

  it("is tried once with a deadline of 0, and refused with one that outlives the key", async () => {
    const { client } = new ClientHarness();
    await expect(client.publish("demo:a", 1, { key, deadlineMs: 0 })).rejects.toMatchObject({
      ...clientErrors.disconnected,
    });
    for (const deadlineMs of [-1, 100_001, Number.NaN]) {
      await expect(client.publish("demo:a", 1, { key, deadlineMs })).rejects.toMatchObject({
        name: "bad_request",
        message: "deadlineMs: 0 to 100000",
      });
    }
  });

  it("is refused beyond as many as may wait", async () => {
    const { client } = new ClientHarness();
    const waiting = Array.from({ length: MAX_RETRYING }, () => outcome(client.publish("demo:a", 1, { key })));
    await expect(client.publish("demo:a", 1, { key })).rejects.toMatchObject({ name: "disconnected" });
    expect(waiting.filter(({ error }) => error !== undefined)).toEqual([]);
    client.close();
  });
});
