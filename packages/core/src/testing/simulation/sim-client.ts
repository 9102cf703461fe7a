/**
 * A simulated client: it wants its channels, and whatever happens it comes back with its positions, mostly to another
 * worker. Now and then it leaves a channel and returns to it.
 */
import type {
  ConnectResult,
  GapNotice,
  Json,
  Position,
  PublicationPush,
  SubscribeResult,
} from "@holdfast/protocol";
import type { Follower } from "./follower.js";
import type { Random } from "./random.js";
import type { Schedule } from "./schedule.js";
import type { SimWorker } from "./sim-worker.js";
import { Wire } from "./wire.js";

/** ms. */
const MAX_BACKOFF = 400;
const MAX_ABSENCE = 1500;

export interface SimClientParts {
  readonly schedule: Schedule;
  readonly random: Random;
  readonly delayMs: number;
  /** A worker that takes connections now, if there is one. */
  readonly worker: () => SimWorker | undefined;
  readonly note: (text: string) => void;
  readonly violation: (text: string) => void;
}

/** How the client stands to one channel: pushes count only when it is subscribed. */
interface Want {
  readonly follower: Follower;
  state: "off" | "asked" | "on";
}

export class SimClient {
  readonly name: string;
  readonly wants: readonly Want[];
  readonly #parts: SimClientParts;
  #wire: Wire | undefined;
  #session: { readonly sid: string; readonly token: string } | undefined;

  constructor(name: string, followers: readonly Follower[], parts: SimClientParts) {
    this.name = name;
    this.wants = followers.map((follower) => ({ follower, state: "off" }));
    this.#parts = parts;
    this.#comeBack(MAX_BACKOFF);
  }

  /** Whether it has what it wants. */
  get content(): boolean {
    return this.wants.every(({ state }) => state === "on");
  }

  /** Its connection breaks. It does not notice at once that there is another. */
  cut(absenceMs: number = this.#parts.random.int(0, MAX_ABSENCE)): void {
    if (this.#wire === undefined || !this.#wire.open) return;
    this.#parts.note(`${this.name} is cut off`);
    this.#wire.cut();
    this.#gone(absenceMs);
  }

  /** Its worker has died. */
  lose(worker: SimWorker): void {
    if (this.#wire?.worker === worker) this.cut(this.#parts.random.int(0, MAX_BACKOFF));
  }

  stall(ms: number): void {
    this.#wire?.stall(ms);
  }

  /** Leaves a channel and returns to it. */
  wander(): void {
    const want = this.#parts.random.pick(this.wants);
    const wire = this.#wire;
    if (want.state !== "on" || wire === undefined) return;
    want.state = "off";
    const { channel } = want.follower;
    this.#parts.note(`${this.name} leaves ${channel}`);
    wire.send({ op: "unsubscribe", body: { channel } }, () => {
      this.#parts.schedule.after(this.#parts.random.int(0, MAX_ABSENCE), () => this.#subscribe(want, wire));
    });
  }

  #comeBack(maxMs: number): void {
    this.#parts.schedule.after(this.#parts.random.int(1, maxMs), () => this.#connect());
  }

  #connect(): void {
    const { random, note } = this.#parts;
    const worker = this.#parts.worker();
    if (worker === undefined) return this.#comeBack(MAX_BACKOFF);
    note(`${this.name} connects to ${worker.name}`);
    const wire = new Wire(worker, {
      ...this.#parts,
      push: (op, body) => this.#push(op, body),
      ended: () => this.#gone(MAX_BACKOFF),
    });
    this.#wire = wire;
    const asked = random.chance(0.7) ? this.wants : [];
    for (const want of asked) want.state = "asked";
    const subs: Record<string, Position | null> = {};
    for (const { follower } of asked) subs[follower.channel] = follower.position ?? null;
    const resume = this.#session && random.chance(0.8) ? { resume: this.#session } : {};
    wire.send({ op: "connect", body: { ...resume, subs } }, (answer) => {
      if ("error" in answer)
        return this.#parts.violation(`${this.name} could not connect: ${answer.error.name}`);
      const { sid, resumeToken, subs: outcomes } = answer.body as ConnectResult;
      this.#session = resumeToken === undefined ? undefined : { sid, token: resumeToken };
      for (const want of asked) {
        const outcome = outcomes?.[want.follower.channel] ?? {};
        if ("error" in outcome) this.#later(want, wire);
        else this.#subscribed(want, outcome);
      }
      for (const want of this.wants) if (!asked.includes(want)) this.#subscribe(want, wire);
    });
  }

  #subscribe(want: Want, wire: Wire): void {
    if (wire !== this.#wire || !wire.open || want.state !== "off") return;
    want.state = "asked";
    const { channel, position } = want.follower;
    wire.send(
      { op: "subscribe", body: position === undefined ? { channel } : { channel, since: position } },
      (answer) => {
        if ("error" in answer) this.#later(want, wire);
        else this.#subscribed(want, answer.body as SubscribeResult);
      },
    );
  }

  #later(want: Want, wire: Wire): void {
    want.state = "off";
    this.#parts.schedule.after(this.#parts.random.int(1, MAX_BACKOFF), () => this.#subscribe(want, wire));
  }

  #subscribed(want: Want, result: SubscribeResult): void {
    want.state = "on";
    want.follower.subscribed(result);
  }

  #push(op: string, body: Json): void {
    if (op === "publication") {
      const publication = body as unknown as PublicationPush;
      this.#listening(publication.channel)?.publication(publication);
    } else if (op === "gap") {
      const gap = body as unknown as GapNotice;
      this.#listening(gap.channel)?.gap(gap);
    }
  }

  #listening(channel: string): Follower | undefined {
    const want = this.wants.find(({ follower }) => follower.channel === channel);
    return want?.state === "on" ? want.follower : undefined;
  }

  #gone(maxMs: number): void {
    this.#wire = undefined;
    for (const want of this.wants) want.state = "off";
    this.#comeBack(Math.max(1, maxMs));
  }
}
