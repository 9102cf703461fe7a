/**
 * Visitors of channels with presence, and observers who see them come and go: how long that takes.
 *
 * Both are WebSocket clients in this process, so one clock times both. A visitor stays connected and joins by
 * subscribing and leaves by unsubscribing. Invariant: one visitor per channel is under way at a time, so a
 * push is whose turn it is.
 */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";

/** After which a push counts as lost. */
const PATIENCE_MS = 10_000;

/** From the command to the observer's push, ms; what never came is missing. */
export interface VisitTimes {
  readonly joins: readonly number[];
  readonly leaves: readonly number[];
  readonly lost: number;
}

interface Frame {
  readonly id?: number;
  readonly connect?: { readonly sid: string };
  readonly error?: { readonly name: string };
  readonly join?: PresencePush;
  readonly leave?: PresencePush;
}

interface PresencePush {
  readonly channel: string;
  readonly member: { readonly session: string };
}

export class PresenceVisitors {
  readonly #visitors: readonly Client[];
  readonly #observers: readonly Client[];
  readonly #channels: readonly string[];
  /** Resolves what is waited for, by `join <channel>` or `leave <channel>`. */
  readonly #awaited = new Map<string, (session: string) => void>();

  private constructor(
    visitors: readonly Client[],
    observers: readonly Client[],
    channels: readonly string[],
  ) {
    this.#visitors = visitors;
    this.#observers = observers;
    this.#channels = channels;
    for (const observer of observers) {
      observer.onFrame = ({ join, leave }) => {
        if (join !== undefined) this.#awaited.get(`join ${join.channel}`)?.(join.member.session);
        if (leave !== undefined) this.#awaited.get(`leave ${leave.channel}`)?.(leave.member.session);
      };
    }
  }

  /** A visitor on the port `from` and an observer on the port `to` for each channel. */
  static async connect(from: number, to: number, channels: readonly string[]): Promise<PresenceVisitors> {
    const visitors = await Promise.all(channels.map(() => Client.connect(from)));
    const observers = await Promise.all(channels.map(() => Client.connect(to)));
    await Promise.all(
      observers.map((observer, index) =>
        observer.ask({ subscribe: { channel: channels[index], joinLeave: true } }),
      ),
    );
    return new PresenceVisitors(visitors, observers, channels);
  }

  /** `visits` in all, at most `perSecond`. */
  async visit(visits: number, perSecond: number): Promise<VisitTimes> {
    const times = { joins: [] as number[], leaves: [] as number[], lost: 0 };
    const startMs = performance.now();
    let begun = 0;
    await Promise.all(
      this.#channels.map(async (channel, index) => {
        const visitor = this.#visitors[index] as Client;
        while (begun < visits) {
          const dueMs = startMs + (begun++ / perSecond) * 1000;
          await sleep(Math.max(0, dueMs - performance.now()));
          const join = await this.#time(visitor, "join", { subscribe: { channel } }, channel);
          const leave = await this.#time(visitor, "leave", { unsubscribe: { channel } }, channel);
          if (join === undefined) times.lost++;
          else times.joins.push(join);
          if (leave === undefined) times.lost++;
          else times.leaves.push(leave);
        }
      }),
    );
    return times;
  }

  /** Idempotent. */
  close(): void {
    for (const client of [...this.#visitors, ...this.#observers]) client.close();
  }

  async #time(
    visitor: Client,
    what: "join" | "leave",
    command: object,
    channel: string,
  ): Promise<number | undefined> {
    const begunMs = performance.now();
    const key = `${what} ${channel}`;
    const seen = new Promise<number | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
      this.#awaited.set(key, (session) => {
        // Sids differ in the first four characters only where a session moved.
        if (session.slice(4) !== visitor.sid.slice(4) && !visitor.sid.endsWith(session)) return;
        clearTimeout(timer);
        resolve(performance.now() - begunMs);
      });
    });
    await visitor.ask(command);
    const ms = await seen;
    this.#awaited.delete(key);
    return ms;
  }
}

class Client {
  sid = "";
  onFrame: (frame: Frame) => void = () => {};
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (frame: Frame) => void>();
  #commands = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("message", (data) => {
      for (const line of String(data).split("\n")) this.#take(JSON.parse(line) as Frame);
    });
  }

  static async connect(port: number): Promise<Client> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false });
    await once(socket, "open");
    const client = new Client(socket);
    const { connect } = await client.ask({ connect: {} });
    client.sid = connect?.sid ?? "";
    return client;
  }

  /** Rejects when the answer is an error. */
  async ask(command: object): Promise<Frame> {
    const id = ++this.#commands;
    const answer = new Promise<Frame>((resolve) => this.#answers.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, ...command }));
    const late = sleep(PATIENCE_MS, undefined, { ref: false }).then(() => undefined);
    const frame = await Promise.race([answer, late]);
    if (frame === undefined) throw new Error(`no answer to ${JSON.stringify(command)}`);
    if (frame.error !== undefined) throw new Error(`${JSON.stringify(command)}: ${frame.error.name}`);
    return frame;
  }

  close(): void {
    this.#socket.terminate();
  }

  #take(frame: Frame): void {
    if (Object.keys(frame).length === 0) return this.#socket.send("{}");
    if (frame.id === undefined) return this.onFrame(frame);
    this.#answers.get(frame.id)?.(frame);
    this.#answers.delete(frame.id);
  }
}
