/**
 * A client of the SDK that checks what it is promised: numbers that count up in a channel, each once, in order, or a gap that
 * it is told of.
 */
import { Client, type ClientOptions } from "@holdfast/client";
import { WebSocket } from "ws";
import { within } from "./deadline.js";

/** Something that was not promised. */
export interface Violation {
  readonly kind: "lost" | "duplicated" | "reordered";
  readonly channel: string;
  readonly expected: number;
  readonly received: number;
}

const OPTIONS: ClientOptions = { WebSocket: WebSocket as unknown as NonNullable<ClientOptions["WebSocket"]> };

export class SequenceWatcher {
  readonly channel: string;
  readonly client: Client;
  readonly violations: Violation[] = [];
  /** Reasons of the gaps that it was told of. */
  readonly gaps: string[] = [];
  received = 0;
  /** How often it was without a connection. */
  losses = 0;
  /** The last number; -1 before the first. */
  last = -1;
  /** After a gap any number may come next. */
  #next: number | undefined;
  readonly #subscribed: Promise<void>;

  constructor(url: string, channel: string, options: ClientOptions = {}) {
    this.channel = channel;
    this.client = new Client(url, { ...OPTIONS, ...options });
    const subscription = this.client.subscribe(channel, ({ data }) => this.#receive(data as number));
    subscription.on("gap", ({ reason }) => {
      this.gaps.push(reason);
      this.#next = undefined;
    });
    this.#subscribed = new Promise((resolve) => subscription.on("subscribed", () => resolve()));
    let connected = false;
    this.client.on("state", ({ name }) => {
      if (connected && name !== "connected") this.losses++;
      connected = name === "connected";
    });
  }

  /** Resolves when it is subscribed. */
  async start(): Promise<this> {
    await within(this.client.connect(), "a connection", 30_000);
    await within(this.#subscribed, `a subscription to ${this.channel}`, 30_000);
    return this;
  }

  close(): void {
    this.client.close();
  }

  #receive(number: number): void {
    this.received++;
    const expected = this.#next;
    this.#next = number + 1;
    this.last = number;
    if (expected === undefined || number === expected) return;
    const kind = number > expected ? "lost" : number === expected - 1 ? "duplicated" : "reordered";
    this.violations.push({ kind, channel: this.channel, expected, received: number });
  }
}
