/**
 * A client without the SDK that follows the members of a channel; its list is that of member-list.ts.
 *
 * It comes back by itself, as the session that it was, to whichever address answers. Invariant: one
 * connection at a time.
 */
import { WebSocket } from "ws";
import { MemberList } from "./member-list.js";
import type { Frame } from "./plain-client.js";

const RETRY_MS = 200;
const PAGE = 1000;

export class PresenceClient {
  readonly channel: string;
  readonly #urls: readonly string[];
  #socket: WebSocket | undefined;
  #resume: { sid: string; token: string } | undefined;
  /** The members that it sees, and how often it had to read them again. */
  readonly list = new MemberList(() => this.#read());
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

  /** What the protocol's rule does not explain. */
  get violations(): readonly string[] {
    return this.list.violations.map((each) => `${this.session} ${each}`);
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
    return this.list.members;
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
      if (frame.id === this.#reading) this.#answered(frame);
    } else if (frame.join !== undefined) this.list.changed(true, frame.join);
    else if (frame.leave !== undefined) this.list.changed(false, frame.leave);
  }

  #connected({ connect }: Frame): void {
    const outcome = connect?.subs?.[this.channel];
    // Not possible now: it tries again.
    if (outcome?.presence === undefined) return this.#socket?.terminate();
    this.#resume = { sid: connect.sid, token: connect.resumeToken };
    this.#reading = 0;
    this.list.begin(outcome.presence);
    this.#state = "subscribed";
  }

  #read(): void {
    this.#reading = this.#send("presence", { channel: this.channel, limit: PAGE });
  }

  #answered({ presence }: Frame): void {
    this.#reading = 0;
    if (presence !== undefined) return this.list.reread(presence);
    // Not possible now. The next change, or the time, makes it try again; the test finds a client whose list
    // stays wrong.
    this.list.notRead();
    setTimeout(() => this.list.readAgain(), RETRY_MS);
  }

  #send(op: string, body: object): number {
    const id = ++this.#lastId;
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ id, [op]: body }));
    return id;
  }
}
