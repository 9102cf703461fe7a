import { describe, expect, it } from "@jest/globals";
import { FakeClock, settled } from "../testing/fake-clock.js";
import { WELCOME } from "../testing/fake-web-socket.js";
import { TinySessions } from "../testing/tiny-sessions.js";
import type { TransportEvents } from "../transports/transport.js";
import { ServerConnection } from "./link.js";

/** A connection whose server passes over a command whose id is not above the last one's, as comet does. */
class Line {
  readonly connection: ServerConnection;
  /** What became of each publication, in the order in which that was known. */
  readonly outcomes: string[] = [];
  readonly #sessions = new TinySessions();
  readonly #frames: string[] = [];
  readonly #session = this.#sessions.create((frame) => this.#frames.push(frame));
  #messages = 0;
  #on: TransportEvents | undefined;

  /** `connected` is where the client's subscriptions ask for what the connect command did not. */
  constructor(connected: (line: Line) => void) {
    this.connection = new ServerConnection(
      (on) => {
        this.#on = on;
        const send = (message: string): void => {
          this.#messages++;
          this.#sessions.take(this.#session, message);
        };
        return { send, close: () => {} };
      },
      { clock: new FakeClock(), connectTimeoutMs: 5_000, commandTimeoutMs: 5_000 },
      {
        opened: () => this.connection.sendConnect({}),
        connected: () => connected(this),
        received: () => {},
        problem: () => {},
        ended: () => {},
      },
    );
    this.#on?.opened();
  }

  /** What the server carried out, without the connect command. */
  get carriedOut(): readonly unknown[] {
    return this.#sessions.commands.slice(1).map(([op, body]) => {
      const { channel, data } = body as { channel: string; data?: string };
      return data === undefined ? `${op} ${channel}` : `${op} ${data}`;
    });
  }

  /** Messages after the connect command. */
  get messages(): number {
    return this.#messages - 1;
  }

  publish(data: string | number, then = (): void => {}): void {
    this.connection.request("publish", { channel: "demo:a", data }, (outcome) => {
      this.outcomes.push(`${String(data).slice(0, 5)} ${outcome.ok ? "taken" : outcome.error.name}`);
      then();
    });
  }

  /** What the server has said arrives, and what that leads to. */
  async arrive(): Promise<void> {
    while (this.#frames.length > 0) {
      for (const frame of this.#frames.splice(0)) this.#on?.message(frame);
      await settled();
    }
  }
}

describe("commands asked for before the connect reply", () => {
  it("leave before those that the reply leads to, in one message, and none is taken for a repetition", async () => {
    const line = new Line(({ connection }) => {
      connection.request("subscribe", { channel: "demo:b" }, () => {});
      line.publish(3);
    });
    line.publish(1);
    line.publish(2);
    await line.arrive();
    expect(line.carriedOut).toEqual(["publish 1", "publish 2", "subscribe demo:b", "publish 3"]);
    expect(line.outcomes).toEqual(["1 taken", "2 taken", "3 taken"]);
    expect(line.messages).toBe(1);
  });

  it("leave before the one that is asked for when one of them turns out too large", async () => {
    const line = new Line(() => {});
    line.publish("x".repeat(WELCOME.limits.maxPayload), () => line.publish(3));
    line.publish(1);
    line.publish(2);
    await line.arrive();
    expect(line.carriedOut).toEqual(["publish 1", "publish 2", "publish 3"]);
    expect(line.outcomes).toEqual(["xxxxx too_big", "1 taken", "2 taken", "3 taken"]);
  });
});
