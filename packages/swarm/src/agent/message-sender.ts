/**
 * The messages that an agent's clients send, each to its first channel, in turn: over the connection on which
 * it hears with WebSocket, by `POST /send` with comet.
 *
 * Every message says when it was sent, so its receiver knows how long it took. Invariant: each one is
 * counted as sent, and, if it was not taken, as refused.
 */
import { firstChannel } from "../channels.js";
import { type AgentOrders, type AgentReport, portOf } from "../messages.js";
import type { RunClock } from "../run-clock.js";
import { stampedData } from "../stamp.js";
import { OPEN, type SeatState } from "./connection-table.js";
import { readCredentials, type SendCredentials, sendBody } from "./credentials.js";
import { maskedFrame, TEXT } from "./frames.js";
import { HttpSender } from "./http-sender.js";
import { postRequest } from "./poll-wire.js";
import { Traffic } from "./traffic.js";
import { latin1 } from "./wire.js";

/** The round of what clients send; broadcasts have those from 1 on. */
export const OF_CLIENTS = 0;
/** The beginning of an answer to a command, and of an error. */
const ANSWER = /\{"id":\d+,("error":)?/;

export interface ChatterOwner {
  stateOf(seat: number): SeatState;
  write(seat: number, bytes: string): void;
  failed(why: string): void;
  /** What messages are stamped with. */
  readonly clock: RunClock;
}

export class MessageSender {
  readonly #orders: AgentOrders;
  readonly #now: () => number;
  readonly #owner: ChatterOwner;
  readonly #traffic = new Traffic();
  /** Of comet clients. */
  readonly #credentials: (SendCredentials | undefined)[] = [];
  /** ms of the clock when a seat last sent. */
  readonly #sentAt: Float64Array;
  #httpSender: HttpSender | undefined;
  /** Whose turn it is. */
  #turn = 0;
  /** Ids must ascend within a session; these ascend in all of them. */
  #lastId = 0;

  private constructor(orders: AgentOrders, now: () => number, owner: ChatterOwner) {
    this.#orders = orders;
    this.#now = now;
    this.#owner = owner;
    this.#sentAt = new Float64Array(orders.connections);
  }

  static async create(orders: AgentOrders, now: () => number, owner: ChatterOwner): Promise<MessageSender> {
    const messageSender = new MessageSender(orders, now, owner);
    if (orders.transport !== "websocket") {
      messageSender.#httpSender = await HttpSender.create(now, (why, ms) => messageSender.#settled(why, ms));
    }
    return messageSender;
  }

  get busy(): boolean {
    return (this.#httpSender?.underWay ?? 0) > 0;
  }

  joined(seat: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#httpSender !== undefined) this.#credentials[seat] = readCredentials(latin1(bytes, start, end));
  }

  /** The next `count` open connections send one each; fewer when there are fewer. */
  send(count: number): void {
    const { connections } = this.#orders;
    for (let looked = 0, sent = 0; sent < count && looked < connections; looked++) {
      const seat = this.#turn;
      this.#turn = (seat + 1) % connections;
      if (this.#owner.stateOf(seat) !== OPEN) continue;
      this.#send(seat);
      sent++;
    }
  }

  /** `micros` from sending to receipt. */
  hear(micros: number): void {
    this.#traffic.hear(micros);
  }

  /**
   * Whether an answer to a command is in it. With comet the request was answered before: errors alone are
   * news.
   */
  readAnswers(seat: number, text: string): boolean {
    const answer = ANSWER.exec(text);
    if (answer === null) return false;
    if (answer[1] !== undefined) this.#refused(/"name":"(\w{1,40})"/.exec(text)?.[1] ?? "error");
    else if (this.#httpSender === undefined) {
      this.#traffic.answer((this.#now() - (this.#sentAt[seat] ?? 0)) * 1000);
    }
    return true;
  }

  report(): Pick<AgentReport, "sent" | "refused" | "heard" | "hearing" | "answering"> {
    return this.#traffic.report();
  }

  tick(): void {
    this.#httpSender?.tick();
  }

  close(): void {
    this.#httpSender?.close();
  }

  #send(seat: number): void {
    const { host, path, channels, first, run, sources } = this.#orders;
    const channel = JSON.stringify(firstChannel(channels, first + seat));
    const data = stampedData({ run, round: OF_CLIENTS, sentMicros: this.#owner.clock.micros() });
    const command = `{"id":${++this.#lastId},"publish":{"channel":${channel},"data":${data}}}`;
    this.#traffic.send();
    this.#sentAt[seat] = this.#now();
    if (this.#httpSender === undefined) {
      return this.#owner.write(seat, maskedFrame(TEXT, Buffer.from(command).toString("latin1")));
    }
    const own = this.#credentials[seat];
    if (own === undefined) return this.#refused("a session without its sid");
    const port = portOf(this.#orders, seat);
    const where = { host, port, path: `${path.replace(/[^/]*$/, "send")}?sid=${own.sid}` };
    const request = postRequest(where, sendBody(own, command));
    this.#httpSender.send(request, sources[seat % Math.max(1, sources.length)], host, port);
  }

  /** How `POST /send` ended. */
  #settled(why: string | undefined, ms: number): void {
    if (why === undefined) this.#traffic.answer(ms * 1000);
    else this.#refused(why);
  }

  #refused(why: string): void {
    this.#traffic.refuse();
    this.#owner.failed(`not sent: ${why}`);
  }
}
