import { errors, type Position } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Subscription } from "./subscriptions/subscription.js";
import { ClientHarness } from "./testing/client-harness.js";
import { settled } from "./testing/fake-clock.js";
import type { FakeWebSocket } from "./testing/fake-web-socket.js";

const channel = "news";
/** Seeds of each property. */
const numRuns = 300;

/** Commands of a socket that wait for their replies, oldest first. */
class Inbox {
  readonly #answered = new Map<FakeWebSocket, number>();

  /** The oldest command that was not taken yet, as [id, operation, body]. */
  take(socket: FakeWebSocket): readonly [number, string, Fields] | undefined {
    const taken = this.#answered.get(socket) ?? 0;
    const frame = socket.frames[taken];
    if (frame === undefined) return undefined;
    this.#answered.set(socket, taken + 1);
    const op = Object.keys(frame).find((key) => key !== "id") ?? "";
    return [Number(frame.id), op, frame[op] as Fields];
  }
}

type Fields = Readonly<Record<string, unknown>>;

describe("whatever a server sends", () => {
  type Step =
    | { readonly do: "push"; readonly body: object }
    | { readonly do: "gap"; readonly body: object }
    | { readonly do: "answer"; readonly body: object }
    | { readonly do: "replay" | "cut" | "again" }
    | { readonly do: "withdraw"; readonly code: number }
    | { readonly do: "pass"; readonly ms: number };

  const offset = fc.nat(9);
  const epoch = fc.constantFrom("a", "b");
  const publications = fc.oneof(
    fc.array(fc.record({ offset, data: fc.nat() }), { maxLength: 5 }),
    fc
      .tuple(offset, fc.nat(4))
      .map(([first, count]) =>
        Array.from({ length: count }, (_, index) => ({ offset: first + index, data: 0 })),
      ),
  );
  const result = fc.record({ offset, epoch, recovered: fc.boolean(), publications }, { requiredKeys: [] });
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ offset, epoch }, { requiredKeys: [] }).map((body) => ({ do: "push", body })),
    },
    {
      weight: 8,
      arbitrary: offset.map((at) => ({ do: "push", body: { offset: at } })),
    },
    {
      weight: 2,
      arbitrary: fc
        .record({ from: offset, to: offset, epoch }, { requiredKeys: [] })
        .map((body) => ({ do: "gap", body })),
    },
    { weight: 6, arbitrary: result.map((body) => ({ do: "answer", body })) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(errors.alreadySubscribed, errors.unavailable)
        .map((error) => ({ do: "answer", body: { error } })),
    },
    { weight: 1, arbitrary: fc.constantFrom("replay", "cut", "again").map((what) => ({ do: what })) },
    { weight: 1, arbitrary: fc.constantFrom(3008, 3504).map((code) => ({ do: "withdraw", code })) },
    { weight: 3, arbitrary: fc.nat(2_000).map((ms) => ({ do: "pass", ms })) },
  ) as fc.Arbitrary<Step>;

  it("offsets are delivered one after another, save for gaps that are told", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120, size: "max" }), async (steps) => {
        const harness = new ClientHarness();
        const inbox = new Inbox();
        const watch = new Watch();
        watch.on(harness.client.subscribe(channel));
        harness.client.connect();
        let last: object = {};
        for (const each of steps) {
          await settled();
          const socket = harness.network.sockets.at(-1);
          if (socket?.readyState === "connecting") socket.open();
          if (each.do === "pass") await harness.clock.advance(each.ms);
          if (each.do === "again") watch.on(harness.client.subscribe(channel));
          if (socket?.readyState !== "open") continue;
          if (each.do === "cut") socket.closedBy(1006);
          if (each.do === "withdraw") socket.receive({ unsubscribed: { channel, code: each.code } });
          if (each.do === "replay") socket.receive(last);
          if (each.do === "push") {
            last = { publication: { channel, data: 1, ...each.body } };
            socket.receive(last);
          }
          if (each.do === "gap") socket.receive({ gap: { channel, reason: "slow", ...each.body } });
          if (each.do === "answer") {
            const command = inbox.take(socket);
            if (command === undefined) continue;
            const [id, op] = command;
            const connect = { sid: "s", subs: { [channel]: each.body } };
            last = {
              id,
              ...(op !== "connect" && "error" in each.body
                ? each.body
                : { [op]: op === "connect" ? connect : each.body }),
            };
            socket.receive(last);
          }
          expect(watch.wrong).toEqual([]);
        }
        harness.client.close();
      }),
      { numRuns },
    );
  });

  /**
   * Checks what a subscription is told, step by step. Noted, not thrown: an emitter catches what listeners
   * throw.
   */
  class Watch {
    readonly wrong: string[] = [];

    on(subscription: Subscription): void {
      let last: number | undefined;
      subscription.on("publication", ({ offset }) => {
        if (offset === undefined) return;
        if (last !== undefined && offset !== last + 1) this.wrong.push(`${offset} after ${last}`);
        if (subscription.position?.offset !== offset) this.wrong.push(`${offset} is not the position`);
        last = offset;
      });
      subscription.on("gap", ({ from, to }) => {
        if (last !== undefined && from !== undefined && from !== last + 1) {
          this.wrong.push(`a gap from ${from} after ${last}`);
        }
        // Where nothing is counted, a gap says nothing about what follows.
        last = subscription.position === undefined ? undefined : to;
      });
    }
  }
});

describe("on a network that loses, repeats and swaps publications", () => {
  type Step =
    | { readonly do: "publish"; readonly fate: "sent" | "lost" | "twice" | "late" }
    | { readonly do: "answer" | "cut" | "trim" | "fail" }
    | { readonly do: "pass"; readonly ms: number };

  const kind = (...kinds: Step["do"][]): fc.Arbitrary<Step> =>
    fc.constantFrom(...kinds).map((each) => ({ do: each }) as Step);
  const publish = fc
    .constantFrom("sent", "sent", "sent", "lost", "twice", "late")
    .map((fate) => ({ do: "publish", fate }) as Step);
  const pass = fc.nat(3_000).map((ms) => ({ do: "pass", ms }) as Step);
  const calm = fc.oneof(
    { weight: 8, arbitrary: publish },
    { weight: 5, arbitrary: kind("answer") },
    { weight: 1, arbitrary: kind("cut") },
    { weight: 2, arbitrary: pass },
  );
  const rough = fc.oneof({ weight: 12, arbitrary: calm }, { weight: 1, arbitrary: kind("trim", "fail") });

  it("a channel that keeps everything is delivered whole", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(calm, { maxLength: 120, size: "max" }), async (steps) => {
        const { told, first, last } = await new Scenario().run(steps);
        expect(told).toEqual(Array.from({ length: last - first + 1 }, (_, index) => first + index));
      }),
      { numRuns },
    );
  });

  it("a channel that forgets is delivered in order, with a gap told wherever something is missing", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(rough, { maxLength: 120, size: "max" }), async (steps) => {
        const { told, first, last } = await new Scenario().run(steps);
        let next = first;
        let gap = false;
        for (const each of told) {
          if (each === "gap") gap = true;
          else {
            expect(each === next || (gap && each > next)).toBe(true);
            next = each + 1;
            gap = false;
          }
        }
        expect(next === last + 1 || (gap && next <= last)).toBe(true);
      }),
      { numRuns },
    );
  });

  /**
   * A client, and a server that answers truthfully from a log whose every publication is a number, counted
   * for ever.
   */
  class Scenario {
    readonly #harness = new ClientHarness();
    readonly #inbox = new Inbox();
    /** What the client told: numbers, and gaps. */
    readonly #told: (number | "gap")[] = [];
    /** The sockets that hold the channel. */
    readonly #held = new Set<FakeWebSocket>();
    #log: number[] = [];
    /** How many at the beginning of the log are no longer kept. */
    #trimmed = 0;
    #life = 0;
    #count = 0;
    /** The first publication that the client was to get. */
    #first: number | undefined;
    /** Sent after the next one. */
    #late: object[] = [];

    async run(steps: readonly Step[]): Promise<{
      told: readonly (number | "gap")[];
      first: number;
      last: number;
    }> {
      const { client } = this.#harness;
      const subscription = client.subscribe(channel, ({ data }) => this.#told.push(data as number));
      subscription.on("gap", () => this.#told.push("gap"));
      client.connect();
      for (const each of steps) await this.#take(each);
      // Calm: whatever was lost shows with the next publication, or the next answer.
      for (let i = 0; i < 100 && !this.#complete(subscription); i++) {
        for (let answers = 0; answers < 5; answers++) await this.#take({ do: "answer" });
        await this.#take({ do: "publish", fate: "sent" });
        await this.#take({ do: "pass", ms: 2_000 });
      }
      expect(this.#complete(subscription)).toBe(true);
      client.close();
      return { told: this.#told, first: this.#first ?? 0, last: this.#count };
    }

    #complete({ state, position }: Subscription): boolean {
      return state === "subscribed" && this.#count > 0 && position?.offset === this.#log.length;
    }

    async #take(step: Step): Promise<void> {
      await settled();
      const socket = this.#harness.network.sockets.at(-1);
      if (socket?.readyState === "connecting") socket.open();
      const open = socket?.readyState === "open" ? socket : undefined;
      switch (step.do) {
        case "pass":
          return this.#harness.clock.advance(step.ms);
        case "cut":
          this.#late = [];
          return open?.closedBy(1006);
        case "trim":
          this.#trimmed = this.#log.length;
          return;
        case "fail":
          // The log is gone, and its subscribers are told.
          this.#log = [];
          this.#trimmed = 0;
          this.#life++;
          if (open !== undefined && this.#held.has(open)) {
            const { offset: to, epoch } = this.#end;
            open.receive({ gap: { channel, to, epoch, reason: "epoch" } });
          }
          return;
        case "answer":
          if (open !== undefined) this.#answer(open);
          return;
        case "publish":
          return this.#publish(open, step.fate);
      }
    }

    #publish(socket: FakeWebSocket | undefined, fate: "sent" | "lost" | "twice" | "late"): void {
      this.#log.push(++this.#count);
      if (socket === undefined || !this.#held.has(socket)) return;
      const { offset, epoch } = this.#end;
      const push = { publication: { channel, data: this.#count, offset, epoch } };
      if (fate === "late") this.#late.push(push);
      if (fate === "sent" || fate === "twice") socket.receive(push, ...(fate === "twice" ? [push] : []));
      if (fate !== "late") for (const each of this.#late.splice(0)) socket.receive(each);
    }

    get #end(): Position {
      return { offset: this.#log.length, epoch: `e${this.#life}` };
    }

    #answer(socket: FakeWebSocket): void {
      const command = this.#inbox.take(socket);
      if (command === undefined) return;
      const [id, op, body] = command;
      if (op === "connect") {
        const subs = body.subs as Readonly<Record<string, Position | null>>;
        const outcome = this.#subscribe(socket, subs[channel] ?? undefined);
        socket.receive({ id, connect: { sid: "s", subs: { [channel]: outcome } } });
      } else if (op === "subscribe") {
        const known = this.#held.has(socket);
        socket.receive(
          known
            ? { id, error: errors.alreadySubscribed }
            : { id, subscribe: this.#subscribe(socket, body.since as Position | undefined) },
        );
      } else {
        const known = this.#held.delete(socket);
        // Nothing of a channel comes after this reply.
        this.#late = [];
        socket.receive(known ? { id, unsubscribe: {} } : { id, error: errors.notSubscribed });
      }
    }

    #subscribe(socket: FakeWebSocket, since: Position | undefined): object {
      this.#held.add(socket);
      const end = this.#end;
      if (since === undefined) {
        this.#first ??= this.#count + 1;
        return end;
      }
      if (since.epoch !== end.epoch) return { ...end, recovered: false, reason: "epoch" };
      if (since.offset < this.#trimmed) return { ...end, recovered: false, reason: "expired" };
      const publications = this.#log
        .slice(since.offset)
        .map((data, index) => ({ offset: since.offset + index + 1, data }));
      return { ...end, recovered: true, publications };
    }
  }
});
