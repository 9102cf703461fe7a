/**
 * A client without the SDK that keeps the list of a channel's members by the protocol's rule: a join or leave
 * whose version is the next is taken, one that is not above the list's is old, anything else makes it read
 * again.
 *
 * It comes back by itself, as the session that it was, to whichever address answers. What no order of events
 * explains (a member that joins twice, or leaves without having been there) is a violation. Invariant: one
 * connection at a time.
 */
import { WebSocket } from "ws";
import type { Frame } from "./plain-client.js";

interface Change {
  readonly came: boolean;
  readonly session: string;
  readonly version: number;
}

const RETRY_MS = 200;
const PAGE = 1000;

export class PresenceClient {
  readonly channel: string;
  /** What the rule does not explain. */
  readonly violations: string[] = [];
  /** Times that it read the list again. */
  rereads = 0;
  readonly #urls: readonly string[];
  #socket: WebSocket | undefined;
  #resume: { sid: string; token: string } | undefined;
  #list = new Set<string>();
  #version = 0;
  /** Changes that came while the list is being read. */
  #held: Change[] | undefined;
  #state: "away" | "subscribed" | "closed" = "away";
  #attempts: number;
  #lastId = 10;
  #answers = new Map<number, () => void>();
  /** The id of the reading under way; 0 = none. */
  #reading = 0;

  /** `first`: which of the addresses it tries first. */
  constructor(urls: readonly string[], channel: string, first: number) {
    this.#urls = urls;
    this.channel = channel;
    this.#attempts = first;
    this.#connect();
  }

  get subscribed(): boolean {
    return this.#state === "subscribed";
  }

  /** The address that it is connected to, or was last. */
  get url(): string {
    return this.#socket?.url ?? "";
  }

  /** Its own place in the list. */
  get session(): string {
    return this.#resume?.sid.slice(4) ?? "";
  }

  /** The members that it sees, in order. */
  get seen(): readonly string[] {
    return [...this.#list].sort();
  }

  /** Whether its worker answers within that time. */
  answers(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const id = this.#send("presence", { channel: this.channel, limit: 0 });
      const timer = setTimeout(() => resolve(false), ms);
      this.#answers.set(id, () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  /** Its connection breaks; it comes back. */
  cut(): void {
    if (this.#state !== "closed") this.#state = "away";
    this.#socket?.terminate();
  }

  /** It is gone for good, without a word. */
  close(): void {
    this.#state = "closed";
    this.#socket?.terminate();
  }

  #connect(): void {
    const url = this.#urls[this.#attempts++ % this.#urls.length] ?? "";
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.on("open", () => {
      const subs = { [this.channel]: { presence: true, joinLeave: true } };
      const resume = this.#resume === undefined ? {} : { resume: this.#resume };
      socket.send(JSON.stringify({ id: 1, connect: { ...resume, subs } }));
    });
    socket.on("message", (data) => {
      for (const line of String(data).split("\n")) this.#received(JSON.parse(line) as Frame);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      if (this.#socket !== socket || this.#state === "closed") return;
      this.#state = "away";
      setTimeout(() => this.#state !== "closed" && this.#connect(), RETRY_MS);
    });
  }

  #received(frame: Frame): void {
    if (Object.keys(frame).length === 0) this.#socket?.send("{}");
    else if (frame.id === 1) this.#connected(frame);
    else if (frame.id !== undefined) {
      this.#answers.get(frame.id)?.();
      this.#answers.delete(frame.id);
      if (frame.id === this.#reading) this.#reread(frame);
    } else if (frame.join !== undefined) this.#changed(true, frame.join);
    else if (frame.leave !== undefined) this.#changed(false, frame.leave);
  }

  #connected({ connect }: Frame): void {
    const outcome = connect?.subs?.[this.channel];
    // Not possible now: it tries again.
    if (outcome?.presence === undefined) return this.#socket?.terminate();
    this.#resume = { sid: connect.sid, token: connect.resumeToken };
    this.#held = undefined;
    this.#reading = 0;
    this.#take(outcome.presence);
    this.#state = "subscribed";
  }

  #changed(came: boolean, { member, version }: Frame): void {
    const change = { came, session: member.session, version };
    if (this.#held === undefined) this.#apply(change);
    else this.#held.push(change);
  }

  #apply(change: Change): void {
    const { came, session, version } = change;
    if (version <= this.#version) return;
    if (version !== this.#version + 1) {
      this.rereads++;
      this.#held = [change];
      this.#reading = this.#send("presence", { channel: this.channel, limit: PAGE });
      return;
    }
    if (this.#list.has(session) === came) {
      this.violations.push(
        `${this.session} heard ${session} ${came ? "join" : "leave"} twice, at ${version}`,
      );
    }
    this.#version = version;
    if (came) this.#list.add(session);
    else this.#list.delete(session);
  }

  #reread({ presence }: Frame): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#reading = 0;
    // Not possible now: the next change makes it try again, and the test finds a client whose list stays
    // wrong.
    if (presence === undefined) {
      setTimeout(() => {
        this.#held ??= [];
        this.#reading = this.#send("presence", { channel: this.channel, limit: PAGE });
      }, RETRY_MS);
      return;
    }
    this.#take(presence);
    for (const change of held) {
      if (this.#held === undefined) this.#apply(change);
      else (this.#held as Change[]).push(change);
    }
  }

  #take({ members, version }: Frame): void {
    this.#list = new Set(members.map(({ session }: Frame) => session));
    this.#version = version;
  }

  #send(op: string, body: object): number {
    const id = ++this.#lastId;
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ id, [op]: body }));
    return id;
  }
}
