/**
 * The sessions of the tiny gateway, whatever their transport: what they listen to, and what their commands
 * do.
 *
 * It echoes what is published in `demo:`, refuses the rest, and keeps every publication for recovery.
 * Invariant: a command whose id is not above the last one changes nothing.
 */
import {
  decodeCommands,
  errors,
  type Json,
  PING,
  type Position,
  type ReceivedCommand,
  toBase64,
} from "@holdfast/protocol";
import { WELCOME } from "./fake-web-socket.js";

export interface TinySession {
  readonly sid: string;
  readonly channels: Set<string>;
  deliver(frame: string): void;
  /** What proves that a request is the session's. */
  token: string;
  /** Of the last command: what comes with no higher one is a repetition. */
  lastId: number;
  readonly mailbox?: Mailbox;
}

/** What waits for the next poll, the poll that waits, and the last answer, in case it was lost. */
interface Mailbox {
  readonly frames: string[];
  /** Ends the wait of the poll that is held: it is the newest, or it is not. */
  wake: (newest: boolean) => void;
  last?: { readonly cursor: string | undefined; readonly answer: string };
}

const EPOCH = "e1";

export class TinySessions {
  /** Commands that came, as [operation, body]. */
  readonly commands: (readonly [string, unknown])[] = [];
  readonly #byId = new Map<string, TinySession>();
  readonly #logs = new Map<string, object[]>();
  #made = 0;

  get live(): number {
    return this.#byId.size;
  }

  /** Without `deliver` it is one of polls. */
  create(deliver?: (frame: string) => void): TinySession {
    const sid = `AAAA${String(++this.#made).padStart(16, "0")}`;
    const mailbox: Mailbox = { frames: [], wake: () => {} };
    const keep = (frame: string): void => {
      mailbox.frames.push(frame);
      mailbox.wake(true);
    };
    const session: TinySession = {
      sid,
      channels: new Set(),
      lastId: 0,
      token: `token of ${sid}`,
      deliver: deliver ?? keep,
      ...(deliver === undefined && { mailbox }),
    };
    this.#byId.set(sid, session);
    return session;
  }

  find(sid: string): TinySession | undefined {
    return this.#byId.get(sid);
  }

  end(sid: string): void {
    this.#byId.delete(sid);
  }

  forget(): void {
    this.#byId.clear();
  }

  /** A frame to every session. */
  send(frame: string): void {
    for (const session of this.#byId.values()) session.deliver(frame);
  }

  publish(channel: string, data: Json): void {
    this.#publish(channel, { data });
  }

  /** `said`: the members that say the data. */
  #publish(channel: string, said: object): void {
    const log = this.#log(channel);
    log.push(said);
    const frame = JSON.stringify({ publication: { channel, ...said, offset: log.length, epoch: EPOCH } });
    for (const session of this.#byId.values()) {
      if (session.channels.has(channel)) session.deliver(frame);
    }
  }

  #log(channel: string): object[] {
    const log = this.#logs.get(channel) ?? [];
    this.#logs.set(channel, log);
    return log;
  }

  #subscribe(session: TinySession, channel: string, since: Position | undefined): object {
    session.channels.add(channel);
    const log = this.#log(channel);
    const position = { offset: log.length, epoch: EPOCH };
    if (since === undefined) return position;
    const publications = log
      .slice(since.offset)
      .map((said, index) => ({ offset: since.offset + index + 1, ...said }));
    return { ...position, recovered: true, publications };
  }

  /** The commands of a message; what is a repetition is passed over. */
  take(session: TinySession, text: string): void {
    for (const decoded of decodeCommands(text)) {
      if (decoded.kind === "ping") session.deliver(PING);
      if (decoded.kind !== "command" || decoded.command.id <= session.lastId) continue;
      session.lastId = decoded.command.id;
      this.#carryOut(session, decoded.command);
    }
  }

  #carryOut(session: TinySession, { id, op, body }: ReceivedCommand): void {
    this.commands.push([op, body]);
    const reply = (result: object): void => session.deliver(JSON.stringify({ id, ...result }));
    switch (op) {
      case "connect": {
        const asked = Object.entries(body.subs ?? {});
        const subs = Object.fromEntries(
          asked.map(([channel, since]) => [
            channel,
            this.#subscribe(session, channel, (since as Position | null) ?? undefined),
          ]),
        );
        const { sid } = session;
        return reply({ connect: { ...WELCOME, sid, resumeToken: `token of ${sid}`, subs } });
      }
      case "subscribe":
        return reply({ subscribe: this.#subscribe(session, body.channel, body.since) });
      case "refresh":
        session.token = `${body.token} of ${session.sid}`;
        return reply({ refresh: { resumeToken: session.token } });
      case "unsubscribe":
        session.channels.delete(body.channel);
        return reply({ unsubscribe: {} });
      case "publish":
        if (!body.channel.startsWith("demo:")) return reply({ error: errors.forbidden });
        this.#publish(
          body.channel,
          typeof body.data === "string"
            ? { data: JSON.parse(body.data) as Json }
            : { data: toBase64(body.data), bytes: true },
        );
        return reply({ publish: {} });
    }
  }
}
