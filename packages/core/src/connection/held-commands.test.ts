import { type DecodedFrame, type ErrorCode, errors, MAX_COMMANDS_PER_MESSAGE } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Proof } from "../access/authenticator.js";
import { ANONYMOUS } from "../access/identity.js";
import { MemoryBroker } from "../broker/broker-memory.js";
import { BROADCAST, channelTopic } from "../broker/topic.js";
import { CoreWorld, type FakeClient } from "../testing/core-world.js";
import { RecordingMetrics } from "../testing/recording-metrics.js";
import { ScriptedAuthorizer } from "../testing/scripted-authorizer.js";
import { ScriptedBroker } from "../testing/scripted-broker.js";
import { HeldCommands } from "./held-commands.js";

/** A world whose tokens are checked until the test says how that ends. */
class CheckingWorld {
  readonly #proofs: ((proof: Proof) => void)[] = [];
  readonly world = new CoreWorld(new MemoryBroker(), { access: "private", commandRate: 1_000 }, undefined, {
    authenticator: { prove: () => new Promise((resolve) => this.#proofs.push(resolve)) },
  });

  async decide(error?: ErrorCode): Promise<void> {
    const user = { ...ANONYMOUS, user: "ada" };
    this.#proofs.shift()?.(
      error === undefined ? { kind: "identity", identity: user } : { kind: "refused", error },
    );
    await this.world.settle();
  }
}

const CONNECT = '{"id":1,"connect":{"token":"t"}}';

/** Each frame as its id and what became of the command, pushes left out. */
function told(client: FakeClient): string[] {
  return client.take().flatMap((frame: DecodedFrame) => {
    if (frame.kind === "reply") return [`${frame.id} ok`];
    return frame.kind === "error" ? [`${frame.id} ${(frame.error as { name: string }).name}`] : [];
  });
}

describe("commands behind a connect", () => {
  it("in the same message wait for the check of the token, and are carried out in order", async () => {
    const checking = new CheckingWorld();
    const client = checking.world.client();
    client.connection.receive(
      `${CONNECT}\n{"id":2,"subscribe":{"channel":"user:x"}}\n{"id":3,"nonsense":{}}`,
    );
    client.connection.receive('{"id":4,"unsubscribe":{"channel":"news"}}');
    await checking.world.settle();
    expect(told(client)).toEqual([]);
    await checking.decide();
    expect(told(client)).toEqual(["1 ok", "2 forbidden", "3 unknown_command", "4 not_subscribed"]);
    expect(checking.world.metrics.count("commands_held")).toBe(3);
  });

  it("are refused in order when the token is, and the next connect among them is a first one", async () => {
    const checking = new CheckingWorld();
    const client = checking.world.client();
    const rest = '{"id":3,"connect":{"token":"u"}}\n{"id":4,"unsubscribe":{"channel":"news"}}';
    client.connection.receive(`${CONNECT}\n{"id":2,"subscribe":{"channel":"news"}}\n${rest}`);
    await checking.decide(errors.badToken);
    expect(told(client)).toEqual(["1 bad_token", "2 not_connected"]);
    client.connection.receive('{"id":5,"connect":{"token":"v"}}');
    await checking.decide();
    expect(told(client)).toEqual(["3 ok", "4 not_subscribed", "5 already_connected"]);
  });

  it("wait for the application, where that says who connects", async () => {
    const authorizer = new ScriptedAuthorizer();
    const world = new CoreWorld(new MemoryBroker(), {}, undefined, { authorizer });
    const client = world.client();
    client.connection.receive('{"id":1,"connect":{}}\n{"id":2,"unsubscribe":{"channel":"news"}}');
    await world.settle();
    expect(told(client)).toEqual([]);
    authorizer.connects[0]?.answer({ kind: "yes", identity: { ...ANONYMOUS, user: "ada" } });
    await world.settle();
    expect(told(client)).toEqual(["1 ok", "2 not_subscribed"]);
  });

  it("wait for the channels of the connect, so that nothing of their own is lost before its answer", async () => {
    const world = new CoreWorld(new ScriptedBroker());
    world.broker.become("ready");
    world.broker.last("subscribe", BROADCAST).resolve();
    const client = world.client();
    client.connection.receive(
      '{"id":1,"connect":{"subs":{"slow":null}}}\n{"id":2,"subscribe":{"channel":"news"}}',
    );
    await world.settle();
    expect(told(client)).toEqual([]);
    world.broker.last("subscribe", channelTopic("slow")).resolve();
    await world.settle();
    world.broker.last("subscribe", channelTopic("news")).resolve();
    await world.settle();
    expect(told(client)).toEqual(["1 ok", "2 ok"]);
  });

  it("wait for the channels of a URL, too", async () => {
    const world = new CoreWorld(new ScriptedBroker());
    world.broker.become("ready");
    world.broker.last("subscribe", BROADCAST).resolve();
    const client = world.client("lines", ["slow"]);
    client.connection.receive('{"id":1,"unsubscribe":{"channel":"news"}}');
    expect(client.take()).toEqual([]);
    world.broker.last("subscribe", channelTopic("slow")).resolve();
    await world.settle();
    expect(client.take()).toMatchObject([
      { kind: "push", op: "connect" },
      { kind: "error", id: 1 },
    ]);
  });

  it("are answered with `limit_rate` at once where too many wait, and the others go on", async () => {
    const checking = new CheckingWorld();
    await checking.world.settle();
    const client = checking.world.client();
    client.connection.receive(CONNECT);
    const ids = Array.from({ length: MAX_COMMANDS_PER_MESSAGE + 1 }, (_, at) => at + 2);
    for (const id of ids) client.connection.receive(`{"id":${id},"unsubscribe":{"channel":"news"}}`);
    expect(told(client)).toEqual([`${ids.at(-1)} limit_rate`]);
    expect(checking.world.metrics.count("held_refused")).toBe(1);
    await checking.decide();
    expect(told(client)).toEqual(["1 ok", ...ids.slice(0, -1).map((id) => `${id} not_subscribed`)]);
  });

  it("are charged to the rate of commands as they come", () => {
    const world = new CoreWorld(new MemoryBroker(), { access: "private", commandRate: 2 }, undefined, {
      authenticator: { prove: () => new Promise(() => {}) },
    });
    const client = world.client();
    client.connection.receive(CONNECT);
    for (let id = 2; id < 20; id++) client.connection.receive(`{"id":${id},"unsubscribe":{"channel":"a"}}`);
    expect(client.transport.end).toMatchObject({ by: "close", reason: "limit_rate" });
  });

  it("are gone with their connection", async () => {
    const checking = new CheckingWorld();
    const client = checking.world.client();
    client.connection.receive(`${CONNECT}\n{"id":2,"publish":{"channel":"open:a","data":1}}`);
    client.gone();
    await checking.decide();
    expect(told(client)).toEqual([]);
    expect(checking.world.metrics.count("publications")).toBe(0);
  });

  it("are answered in their order, each once, however they come and whenever the token is decided on", async () => {
    const kinds = [
      '"unsubscribe":{"channel":"news"}',
      '"subscribe":{"channel":"user:x"}',
      '"subscribe":{}',
      '"nonsense":{}',
      '"connect":{"token":"again"}',
    ];
    const said = fc.record({
      kinds: fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 50 }),
      cuts: fc.array(fc.boolean(), { minLength: 50, maxLength: 50 }),
      decisions: fc.array(fc.option(fc.boolean()), { minLength: 50, maxLength: 50 }),
    });
    await fc.assert(
      fc.asyncProperty(said, async (script) => {
        const checking = new CheckingWorld();
        const client = checking.world.client();
        let message = CONNECT;
        for (const [at, kind] of script.kinds.entries()) {
          const frame = `{"id":${at + 2},${kind}}`;
          if (script.cuts[at]) message += `\n${frame}`;
          else {
            client.connection.receive(message);
            message = frame;
            const decision = script.decisions[at];
            if (decision !== null) await checking.decide(decision ? undefined : errors.badToken);
          }
        }
        client.connection.receive(message);
        for (let left = script.kinds.length; left >= 0; left--) await checking.decide(errors.badToken);
        const ids = told(client).map((each) => Number(each.split(" ")[0]));
        expect(ids).toEqual(Array.from({ length: script.kinds.length + 1 }, (_, at) => at + 1));
      }),
      { numRuns: 60 },
    );
  });
});

describe("HeldCommands", () => {
  const command = { kind: "invalid", id: 2, error: errors.badRequest } as const;

  it("holds two messages of full size of a connection, and eight million characters of all", () => {
    const size = 1024 * 1024;
    const held = new HeldCommands<number>(size, new RecordingMetrics());
    for (let connection = 0; connection < 5; connection++) held.begin(connection);
    expect([held.add(0, command, size), held.add(0, command, size), held.add(0, command, 1)]).toEqual([
      true,
      true,
      false,
    ]);
    expect(held.add(0, command, 0)).toBe(true);
    for (const connection of [1, 1, 2, 2, 3, 3]) expect(held.add(connection, command, size)).toBe(true);
    expect(held.add(4, command, 1)).toBe(false);
    held.forget(1);
    expect(held.add(4, command, 1)).toBe(true);
    for (const connection of [0, 2, 3, 4]) held.release(connection, () => {});
    expect([held.chars, held.holds(0)]).toEqual([0, false]);
  });
});
