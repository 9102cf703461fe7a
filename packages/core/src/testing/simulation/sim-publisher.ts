/**
 * A simulated publisher: a backend that publishes through whichever worker answers, and repeats with the same
 * key until it is told the position. What it is told has to be where its publication is.
 */
import type { ConnectResult, Position, Resume } from "@holdfast/protocol";
import type { Random } from "./random.js";
import type { Schedule } from "./schedule.js";
import type { SimServer } from "./sim-server.js";
import type { SimWorker } from "./sim-worker.js";
import { Wire } from "./wire.js";

/** ms. */
const MAX_BACKOFF = 300;
/** Publications whose answer is awaited; more would make it a slow consumer of answers. */
const MAX_IN_FLIGHT = 8;
/** Publications that are not confirmed; beyond it no more are made. */
const MAX_UNCONFIRMED = 40;

export interface SimPublisherParts {
  readonly schedule: Schedule;
  readonly random: Random;
  readonly delayMs: number;
  readonly maxUnnoticedMs: number;
  readonly server: SimServer;
  readonly worker: () => SimWorker | undefined;
  readonly note: (text: string) => void;
  readonly violation: (text: string) => void;
}

export class SimPublisher {
  readonly #parts: SimPublisherParts;
  /** What has yet to be confirmed: the key, which is the data too, and the channel. */
  readonly #unconfirmed = new Map<string, string>();
  readonly #inFlight = new Set<string>();
  #wire: Wire | undefined;
  #session: Resume | undefined;
  /** Publications so far. */
  made = 0;

  constructor(parts: SimPublisherParts) {
    this.#parts = parts;
    this.#connect();
  }

  /** Whether everything is confirmed. */
  get content(): boolean {
    return this.#unconfirmed.size === 0;
  }

  publish(channel: string): void {
    if (this.#unconfirmed.size === MAX_UNCONFIRMED) return;
    const key = `p${++this.made}`;
    this.#unconfirmed.set(key, channel);
    this.#pump();
  }

  /** Its worker has died. */
  lose(worker: SimWorker): void {
    if (this.#wire?.worker !== worker) return;
    this.#wire.cut();
    this.#gone();
  }

  #connect(): void {
    const worker = this.#parts.worker();
    if (worker === undefined) return this.#gone();
    const wire = new Wire(worker, { ...this.#parts, push: () => {}, ended: () => this.#gone() });
    const resume = this.#session === undefined ? {} : { resume: this.#session };
    wire.send({ op: "connect", body: resume }, (answer) => {
      if ("error" in answer)
        return this.#parts.violation(`the publisher could not connect: ${answer.error.name}`);
      const { sid, resumeToken, resumed } = answer.body as ConnectResult;
      // Keys are known within a session: one that is new would publish again what the last one has published.
      if (resumeToken === undefined || (this.#session !== undefined && !resumed)) {
        wire.cut();
        return this.#gone();
      }
      this.#session = { sid, token: resumeToken };
      this.#wire = wire;
      this.#inFlight.clear();
      this.#pump();
    });
  }

  #pump(): void {
    for (const [key, channel] of this.#unconfirmed) {
      if (this.#wire === undefined || this.#inFlight.size === MAX_IN_FLIGHT) return;
      if (!this.#inFlight.has(key)) this.#send(this.#wire, key, channel);
    }
  }

  #send(wire: Wire, key: string, channel: string): void {
    if (!wire.open) return;
    this.#inFlight.add(key);
    wire.send({ op: "publish", body: { channel, data: key, key } }, (answer) => {
      if ("error" in answer) {
        const { schedule, random } = this.#parts;
        return schedule.after(random.int(1, MAX_BACKOFF), () => this.#send(wire, key, channel));
      }
      this.#unconfirmed.delete(key);
      this.#inFlight.delete(key);
      this.#pump();
      const position = answer.body as Position;
      const node = this.#parts.server.lives(channel).node(position);
      this.#parts.note(`${key} was published on ${channel} at ${position.offset} ${position.epoch}`);
      if (node?.data !== JSON.stringify(key))
        this.#parts.violation(
          `${key} was confirmed at ${position.offset} ${position.epoch}, where ${node?.data} is`,
        );
    });
  }

  #gone(): void {
    this.#wire = undefined;
    this.#parts.schedule.after(this.#parts.random.int(1, MAX_BACKOFF), () => this.#connect());
  }
}
