/**
 * The contract of the event sink seam as a test suite.
 */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { BrokerUnavailable } from "../broker/broker.js";
import type { EventSink, GatewayEvent } from "../events/event-sink.js";

/** Where sinks are made and read. */
export interface EventSinkWorld {
  readonly sink: EventSink;
  /**
   * What backends can read now, oldest first, as names and values without the id. Waits until there are
   * `atLeast`.
   */
  read(atLeast: number): Promise<readonly Readonly<Record<string, string>>[]>;
  close(): Promise<void>;
}

const joined = (session: string): GatewayEvent => ({
  type: "connect",
  session,
  user: "alice",
  client: "test/1",
  resumed: false,
});

export function eventSinkContract(name: string, factory: () => Promise<EventSinkWorld>): void {
  describe(`${name} keeps the event sink's contract`, () => {
    let world: EventSinkWorld;
    beforeEach(async () => {
      world = await factory();
    });
    afterEach(async () => {
      await world.sink.close();
      await world.close();
    });
    const use = (): EventSinkWorld => world;
    hasEveryKind(use);
    keepsTheOrder(use);
    deliversBeforeItEnds(use);
  });
}

/** Each kind of event is read with its fields. */
function hasEveryKind(use: () => EventSinkWorld): void {
  test("has every kind of event, with its fields", async () => {
    use().sink.tell(joined("s1"));
    use().sink.tell({ type: "connect", session: "s2", user: undefined, client: undefined, resumed: true });
    use().sink.tell({ type: "disconnect", session: "s1", user: "alice", code: 3000 });
    use().sink.tell({ type: "disconnect", session: "s2", user: undefined, code: undefined });
    use().sink.tell({ type: "message", session: "s1", user: "alice", data: '{"a":"\u00e9\\n"}' });
    use().sink.tell({ type: "occupied", channel: "room:1", version: 7 });
    use().sink.tell({ type: "vacated", channel: "room:1", version: 8 });
    const events = await use().read(7);
    expect(events.map(({ time, ...rest }) => [Number(time) > 0, rest])).toEqual(
      [
        { event: "connect", session: "s1", user: "alice", client: "test/1", resumed: "0" },
        { event: "connect", session: "s2", resumed: "1" },
        { event: "disconnect", session: "s1", user: "alice", code: "3000" },
        { event: "disconnect", session: "s2" },
        { event: "message", session: "s1", user: "alice", data: '{"a":"\u00e9\\n"}' },
        { event: "occupied", channel: "room:1", version: "7" },
        { event: "vacated", channel: "room:1", version: "8" },
      ].map((event) => [true, event]),
    );
  });
}

/** One order for both ways of telling. */
function keepsTheOrder(use: () => EventSinkWorld): void {
  test("keeps one order for what is told and what is delivered", async () => {
    const delivered: Promise<void>[] = [];
    for (let i = 0; i < 1000; i++) {
      if (i % 10 === 0)
        delivered.push(use().sink.deliver({ type: "message", session: `${i}`, user: undefined, data: "1" }));
      else use().sink.tell(joined(`${i}`));
    }
    await Promise.all(delivered);
    const events = await use().read(1000);
    expect(events.map(({ session }) => session)).toEqual(Array.from({ length: 1000 }, (_, i) => `${i}`));
  });
}

/** Delivered is what can be read; a close loses nothing that was told. */
function deliversBeforeItEnds(use: () => EventSinkWorld): void {
  test("says that it was delivered when it can be read", async () => {
    await use().sink.deliver({ type: "message", session: "s1", user: undefined, data: "1" });
    expect(await use().read(0)).toHaveLength(1);
  });

  test("passes on what was told before it is closed, and nothing after", async () => {
    for (let i = 0; i < 10; i++) use().sink.tell(joined(`${i}`));
    await use().sink.close();
    use().sink.tell(joined("late"));
    await expect(
      use().sink.deliver({ type: "message", session: "late", user: undefined, data: "1" }),
    ).rejects.toThrow(BrokerUnavailable);
    await use().sink.close();
    expect(await use().read(10)).toHaveLength(10);
  });
}
