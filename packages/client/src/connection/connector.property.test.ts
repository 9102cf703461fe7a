import { disconnects, mayReconnect } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { ClientHarness } from "../testing/client-harness.js";
import { settled } from "../testing/fake-clock.js";

type Step =
  | {
      readonly do:
        | "open"
        | "welcome"
        | "fail"
        | "garbage"
        | "token"
        | "close"
        | "connect"
        | "restart"
        | "ghost";
    }
  | { readonly do: "refuse"; readonly temporary: boolean }
  | { readonly do: "drain"; readonly reconnectAfter: number }
  | { readonly do: "disconnect"; readonly code: number; readonly retryAfter: number }
  | { readonly do: "closed"; readonly code: number }
  | { readonly do: "pass"; readonly ms: number };

const code = fc.oneof(
  fc.constantFrom(1000, 1001, 1006, 4000, 4999),
  fc.constantFrom(...Object.values(disconnects).map((row) => row.code)),
);
const floor = fc.nat(30_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom(
      "open",
      "welcome",
      "fail",
      "garbage",
      "token",
      "close",
      "connect",
      "restart",
      "ghost",
    ),
  }) as fc.Arbitrary<Step>,
  fc.constant<Step>({ do: "welcome" }),
  fc.record({ do: fc.constant("refuse" as const), temporary: fc.boolean() }),
  fc.record({ do: fc.constant("drain" as const), reconnectAfter: floor }),
  fc.record({ do: fc.constant("disconnect" as const), code, retryAfter: floor }),
  fc.record({ do: fc.constant("closed" as const), code }),
  fc.record({ do: fc.constant("pass" as const), ms: fc.nat(40_000) }),
);

describe("the reconnect machine, whatever happens to it", () => {
  it("never has two sockets, never comes early, never after it was told not to", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), fc.nat(), async (steps, seed) => {
        await new Scenario(seed).run(steps);
      }),
      { numRuns: 150 },
    );
  });
});

/** Runs steps and checks at each new socket whether it may exist. */
class Scenario {
  readonly #harness: ClientHarness;
  /** The client may try: it was told to, and has not been told to stop since. */
  #mayTry = false;
  /** No socket before this time on the clock. */
  #notBefore = 0;
  #random: number;
  readonly #violations: string[] = [];
  /** Questions for a token that wait for the step that answers them. */
  readonly #asked: ((token: string) => void)[] = [];

  constructor(seed: number) {
    this.#random = seed;
    this.#harness = new ClientHarness(
      {
        getToken: () => {
          const luck = this.#next();
          if (luck < 0.6) return "t";
          if (luck < 0.7) throw new Error("no token");
          return new Promise((resolve) => this.#asked.push(resolve));
        },
        random: () => this.#next(),
      },
      () => {
        // Noted, not thrown: the client takes what a constructor throws for a reason to give up.
        const now = this.#harness.clock.monotonic();
        if (!this.#mayTry) this.#violations.push(`a socket at ${now}, after the end`);
        if (now < this.#notBefore) this.#violations.push(`a socket at ${now}, before ${this.#notBefore}`);
      },
    );
    this.#harness.client.subscribe("news");
  }

  async run(steps: readonly Step[]): Promise<void> {
    const { client, clock, network } = this.#harness;
    for (const each of steps) {
      await this.#take(each);
      await settled();
      expect(this.#violations).toEqual([]);
      expect(network.live).toBeLessThanOrEqual(1);
      // One for the wait, the token or the connection; one for commands; one for the channel's own retry.
      expect(clock.timers).toBeLessThanOrEqual(3);
      expect(["idle", "closed"].includes(client.state.name)).toBe(!this.#mayTry);
      if (!this.#mayTry) expect([clock.timers, network.live]).toEqual([0, 0]);
    }
    client.close();
    await settled();
    expect([clock.timers, network.live]).toEqual([0, 0]);
  }

  async #take(step: Step): Promise<void> {
    const { client, clock, network } = this.#harness;
    const socket = network.sockets.at(-1);
    const live = socket !== undefined && socket.readyState !== "closed";
    const open = live && socket.readyState === "open";
    switch (step.do) {
      case "connect":
        this.#mayTry = true;
        client.connect();
        return;
      case "close":
        client.close();
        this.#mayTry = false;
        return;
      case "restart":
        client.close();
        this.#mayTry = true;
        client.connect();
        return;
      case "token":
        this.#asked.shift()?.("late");
        return;
      case "pass":
        return clock.advance(step.ms);
      case "open":
        if (live && !open) socket.open();
        return;
      case "welcome":
        if (live && !open) socket.open();
        if (live) socket.receive({ id: 1, connect: { sid: "s", ping: 25_000, pongTimeout: 8_000 } });
        return;
      case "refuse":
        if (!open || client.state.name !== "connecting") return;
        if (!step.temporary) this.#mayTry = false;
        socket.receive({ id: 1, error: { code: 1, name: "no", message: "no", temporary: step.temporary } });
        return;
      case "fail":
        if (live) socket.fail("failed");
        return;
      case "garbage":
        if (open) socket.receive("]", {}, { id: 2, subscribe: null }, { publication: [] });
        return;
      case "ghost":
        // Events of a socket that the client has left already.
        if (!live) socket?.receive({ drain: { reconnectAfter: 1 } });
        if (!live) socket?.closedBy(3500);
        return;
      case "drain":
        if (!open) return;
        this.#notBefore = clock.monotonic() + step.reconnectAfter;
        socket.receive({ drain: { reconnectAfter: step.reconnectAfter } });
        return;
      case "disconnect":
        if (!open) return;
        this.#notBefore = clock.monotonic() + step.retryAfter;
        if (!mayReconnect(step.code)) this.#mayTry = false;
        socket.receive({ disconnect: { code: step.code, retryAfter: step.retryAfter } });
        return;
      case "closed":
        if (!live) return;
        if (!mayReconnect(step.code)) this.#mayTry = false;
        socket.closedBy(step.code);
    }
  }

  /** A small generator of its own, so that a failing run can be repeated. */
  #next(): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#random / 2 ** 32;
  }
}
