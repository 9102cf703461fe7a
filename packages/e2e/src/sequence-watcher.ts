/**
 * A client of the SDK that checks what it is promised.
 */
import { Client, type ClientOptions } from "@holdfast/client";
import { WebSocket } from "ws";
import { within } from "./deadline.js";
import { SequenceCheck, type Watcher } from "./watcher.js";

const OPTIONS: ClientOptions = { WebSocket: WebSocket as unknown as NonNullable<ClientOptions["WebSocket"]> };

const START_MS = 60_000;

export class SequenceWatcher implements Watcher {
  readonly channel: string;
  readonly client: Client;
  readonly check: SequenceCheck;
  losses = 0;
  readonly #subscribed: Promise<void>;

  constructor(url: string, channel: string, options: ClientOptions = {}) {
    this.channel = channel;
    this.check = new SequenceCheck(channel);
    this.client = new Client(url, { ...OPTIONS, ...options });
    const subscription = this.client.subscribe(channel, ({ data }) => {
      this.check.hear(String(data));
      this.check.number(data as number);
    });
    subscription.on("gap", ({ reason }) => {
      this.check.hear(`gap ${reason}`);
      this.check.gap(reason);
    });
    this.#subscribed = new Promise((resolve) => subscription.on("subscribed", () => resolve()));
    let connected = false;
    this.client.on("state", ({ name }) => {
      if (connected && name !== "connected") this.losses++;
      connected = name === "connected";
    });
  }

  get state(): string {
    return this.client.state.name;
  }

  async start(): Promise<this> {
    await within(this.client.connect(), "a connection", START_MS);
    await within(this.#subscribed, `a subscription to ${this.channel}`, START_MS);
    return this;
  }

  close(): void {
    this.client.close();
  }
}
