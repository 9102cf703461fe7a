/**
 * A wire: one simulated connection between a client and a worker, with the client's half of the protocol:
 * commands get their answer, pushes are handed on, pings are echoed.
 *
 * `ended` is called once, unless the client itself cuts the wire.
 */
import {
  type Command,
  type DecodedFrame,
  decodeFrames,
  type ErrorCode,
  encodeCommand,
  type Json,
  PING,
} from "@holdfast/protocol";
import type { Connection } from "../../connection/connection.js";
import type { Transport } from "../../delivery/transport.js";
import type { Request } from "../core-world.js";
import { textFraming } from "../fake-transport.js";
import { Pipe } from "./pipe.js";
import type { Random } from "./random.js";
import type { Schedule } from "./schedule.js";
import type { SimWorker } from "./sim-worker.js";

/** ms. An answer that takes longer ends the connection. */
const ANSWER_DEADLINE = 2000;

/** A command's answer: its result's body, or the error. */
export type Answer = { readonly body: unknown } | { readonly error: ErrorCode };

export interface WireParts {
  readonly schedule: Schedule;
  readonly random: Random;
  readonly delayMs: number;
  /** How long the worker may take to notice that the client has gone, ms. */
  readonly maxUnnoticedMs: number;
  readonly push: (op: string, body: Json) => void;
  readonly ended: () => void;
}

export class Wire implements Transport {
  readonly framing = textFraming;
  readonly worker: SimWorker;
  bufferedBytes = 0;
  readonly #parts: WireParts;
  readonly #up: Pipe;
  readonly #down: Pipe;
  readonly #connection: Connection;
  readonly #pending = new Map<number, (answer: Answer) => void>();
  #lastId = 0;
  #state: "open" | "ended" = "open";

  constructor(worker: SimWorker, parts: WireParts) {
    const delay = (): number => parts.random.int(0, parts.delayMs);
    this.worker = worker;
    this.#parts = parts;
    this.#up = new Pipe(parts.schedule, delay);
    this.#down = new Pipe(parts.schedule, delay);
    this.#connection = worker.core.open(this, "lines");
  }

  get open(): boolean {
    return this.#state === "open";
  }

  send(request: Request, answered: (answer: Answer) => void): void {
    const id = ++this.#lastId;
    this.#pending.set(id, answered);
    const text = encodeCommand({ ...request, id } as Command);
    this.#up.send(() => this.#connection.receive(text));
    this.#parts.schedule.after(ANSWER_DEADLINE, () => {
      if (this.#pending.has(id)) this.#fail();
    });
  }

  /** The client does not read for so long. */
  stall(ms: number): void {
    this.#down.stall(ms);
  }

  /** The connection breaks; the worker notices later, or has died. */
  cut(): void {
    if (this.#state === "ended") return;
    this.#end();
    if (this.worker.state === "dead") return;
    this.#parts.schedule.after(this.#parts.random.int(0, this.#parts.maxUnnoticedMs), () => {
      if (this.worker.state !== "dead") this.#connection.closed();
    });
  }

  write(frames: Uint8Array): void {
    if (this.worker.state === "dead") return;
    this.bufferedBytes += frames.length;
    this.#down.send(() => {
      this.bufferedBytes -= frames.length;
      for (const message of this.framing.messages(frames))
        for (const frame of decodeFrames(message)) if (this.#state === "open") this.#take(frame);
    });
  }

  ping(): void {}

  close(): void {
    this.#down.send(() => {
      this.#connection.closed();
      this.#fail();
    });
  }

  terminate(): void {
    this.#parts.schedule.after(0, () => this.#fail());
  }

  #take(frame: DecodedFrame): void {
    switch (frame.kind) {
      case "ping":
        return this.#up.send(() => this.#connection.receive(PING));
      case "push":
        return this.#parts.push(frame.op, frame.body);
      case "reply":
        return this.#settle(frame.id, { body: frame.body });
      case "error":
        return this.#settle(frame.id, { error: frame.error });
      case "malformed":
        throw new Error(`the server sent what is not a frame: ${frame.text}`);
    }
  }

  #settle(id: number, answer: Answer): void {
    const answered = this.#pending.get(id);
    this.#pending.delete(id);
    answered?.(answer);
  }

  /** It ended, and not by the client's wish. */
  #fail(): void {
    if (this.#state === "ended") return;
    this.cut();
    this.#parts.ended();
  }

  #end(): void {
    this.#state = "ended";
    this.#pending.clear();
    this.#up.cut();
    this.#down.cut();
  }
}
