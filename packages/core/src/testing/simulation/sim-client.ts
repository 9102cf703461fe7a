/**
 * A simulated client: it wants its channels, and whatever happens it comes back with its positions, mostly to
 * another worker. Now and then it leaves a channel and returns to it. Some follow the members of their
 * channels.
 */
import {
  type ChannelWish,
  type ConnectResult,
  type GapNotice,
  type Json,
  type PublicationPush,
  type SubscribeResult,
  sessionKey,
} from "@holdfast/protocol";
import { Attendance } from "./attendance.js";
import type { Follower } from "./follower.js";
import type { Random } from "./random.js";
import type { Schedule } from "./schedule.js";
import type { SimWorker } from "./sim-worker.js";
import { Wire } from "./wire.js";

/** What a client that follows the members asks for. */
const FOLLOWED = Object.freeze({ presence: true, joinLeave: true });
/** ms. */
const MAX_BACKOFF = 400;
const MAX_ABSENCE = 1500;

export interface SimClientParts {
  readonly schedule: Schedule;
  readonly random: Random;
  readonly delayMs: number;
  readonly maxUnnoticedMs: number;
  /** How likely it follows the members of its channels. */
  readonly watching: number;
  /** A worker that takes connections now, if there is one. */
  readonly worker: () => SimWorker | undefined;
  readonly note: (text: string) => void;
  readonly violation: (text: string) => void;
}

/** How the client stands to one channel: pushes count only when it is subscribed. */
interface Want {
  readonly follower: Follower;
  /** Where the client follows the members. */
  readonly attendance: Attendance | undefined;
  state: "off" | "asked" | "on";
}

export class SimClient {
  readonly name: string;
  readonly wants: readonly Want[];
  readonly #parts: SimClientParts;
  #wire: Wire | undefined;
  /** The worker that it goes to next, if that is running. */
  #next: SimWorker | undefined;
  /** The session of the connection, also where it cannot be resumed. */
  #sid = "";
  #session: { readonly sid: string; readonly token: string } | undefined;

  constructor(name: string, followers: readonly Follower[], parts: SimClientParts) {
    this.name = name;
    this.#parts = parts;
    const isWatching = parts.random.chance(parts.watching);
    this.wants = followers.map((follower) => ({
      follower,
      attendance: isWatching ? this.#newAttendance(follower.channel) : undefined,
      state: "off",
    }));
    this.#comeBack(MAX_BACKOFF);
  }

  /** Whether it has what it wants. */
  get content(): boolean {
    return this.wants.every(({ state }) => state === "on");
  }

  /** Its session's name among the members of a channel, if it is there. */
  memberOf(channel: string): string | undefined {
    const want = this.wants.find(({ follower }) => follower.channel === channel);
    return want?.state === "on" ? sessionKey(this.#sid) : undefined;
  }

  /** Its connection breaks. It does not notice at once that there is another. */
  cut(absenceMs: number = this.#parts.random.int(0, MAX_ABSENCE)): void {
    if (this.#wire === undefined || !this.#wire.open) return;
    this.#parts.note(`${this.name} is cut off`);
    this.#wire.cut();
    this.#gone(absenceMs);
  }

  /** Goes to a worker, stays for so long, and goes back. */
  detour(to: SimWorker, forMs: number): void {
    const from = this.#wire?.worker;
    if (from === undefined || from === to || this.#wire?.open !== true) return;
    this.#parts.note(`${this.name} makes a detour to ${to.name}`);
    this.#next = to;
    this.cut(1);
    this.#parts.schedule.after(1 + forMs, () => {
      if (this.#wire?.worker !== to) return;
      this.#next = from;
      this.cut(1);
    });
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
    want.attendance?.left();
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
    const next = this.#next;
    this.#next = undefined;
    const worker = next?.state === "running" ? next : this.#parts.worker();
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
    const subs: Record<string, ChannelWish | null> = {};
    for (const { follower, attendance } of asked)
      subs[follower.channel] = { ...follower.position, ...(attendance === undefined ? {} : FOLLOWED) };
    const resume = this.#session && random.chance(0.8) ? { resume: this.#session } : {};
    wire.send({ op: "connect", body: { ...resume, subs } }, (answer) => {
      if ("error" in answer)
        return this.#parts.violation(`${this.name} could not connect: ${answer.error.name}`);
      const { sid, resumeToken, subs: outcomes } = answer.body as ConnectResult;
      this.#sid = sid;
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
    const since = position === undefined ? {} : { since: position };
    wire.send(
      { op: "subscribe", body: { channel, ...since, ...(want.attendance === undefined ? {} : FOLLOWED) } },
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
    if (want.attendance === undefined) return;
    if (result.presence === undefined)
      this.#parts.violation(`${this.name} asked who is in ${want.follower.channel} and was not told`);
    else want.attendance.accept(result.presence as unknown as Json);
  }

  #newAttendance(channel: string): Attendance {
    const name = `${this.name} in ${channel}`;
    return new Attendance({
      read: () => this.#readMembers(channel),
      note: (text) => this.#parts.note(`${name} ${text}`),
      violation: (text) => this.#parts.violation(`${name} ${text}`),
    });
  }

  #readMembers(channel: string): void {
    const wire = this.#wire;
    wire?.send({ op: "presence", body: { channel, limit: 1000 } }, (answer) => {
      const attendance = this.#listening(channel)?.attendance;
      if (!("error" in answer)) return attendance?.accept(answer.body as Json);
      this.#parts.schedule.after(this.#parts.random.int(1, MAX_BACKOFF), () => {
        if (wire === this.#wire) attendance?.failed();
      });
    });
  }

  #push(op: string, body: Json): void {
    const { channel = "" } = body as { channel?: string };
    const want = this.#listening(channel);
    if (op === "publication") want?.follower.publication(body as unknown as PublicationPush);
    else if (op === "gap") want?.follower.gap(body as unknown as GapNotice);
    else if (op === "join" || op === "leave") want?.attendance?.changed(op === "join", body);
  }

  #listening(channel: string): Want | undefined {
    return this.wants.find(({ follower, state }) => follower.channel === channel && state === "on");
  }

  #gone(maxMs: number): void {
    this.#wire = undefined;
    for (const want of this.wants) {
      want.state = "off";
      want.attendance?.left();
    }
    this.#comeBack(Math.max(1, maxMs));
  }
}
