/**
 * The topics that every worker listens to, with or without connections: broadcasts and control messages.
 *
 *     off ──listen──► subscribing ──confirmed, revocations read──► on
 *     (a failure leads back to off, and is tried again)
 *
 * Invariant: `heard` is called only when every later broadcast and control message will arrive, and every
 * earlier revocation is known.
 */
import { type Data, normalizeData } from "@holdfast/protocol";
import { BROADCAST, CONTROL } from "../broker/topic.js";
import type { Context } from "../connection/context.js";
import type { FanOut } from "../delivery/fan-out.js";
import { broadcastPush } from "../delivery/push.js";
import type { Control } from "./control.js";

const RETRY_MS = 1000;

export type CommonTopicsParts = Pick<
  Context,
  "broker" | "clock" | "logger" | "metrics" | "registry" | "revocations"
>;

export class CommonTopics {
  readonly #parts: CommonTopicsParts;
  readonly #fanOut: FanOut;
  readonly #orders: Control;
  #state: "off" | "subscribing" | "on" | "closed" = "off";

  constructor(parts: CommonTopicsParts, fanOut: FanOut, orders: Control) {
    this.#parts = parts;
    this.#fanOut = fanOut;
    this.#orders = orders;
  }

  /** Whether everything of now is heard. */
  get heard(): boolean {
    return this.#state === "on";
  }

  /** The broker can be reached, maybe again: orders of meanwhile may have been missed. */
  listen(): void {
    const { broker, clock, logger, revocations } = this.#parts;
    if (this.#state === "on") return revocations.reload();
    if (this.#state !== "off") return;
    this.#state = "subscribing";
    this.#subscribe().then(
      () => this.#enter("on"),
      (error: unknown) => {
        if (this.#state === "closed") return;
        this.#enter("off");
        logger.warn({ err: error }, "could not listen to broadcasts and orders; will try again");
        if (broker.state === "ready") clock.after(RETRY_MS, () => this.listen());
      },
    );
  }

  order(text: string): void {
    this.#orders.receive(text);
  }

  broadcast(data: Data): void {
    this.#parts.metrics.add("publications", 1);
    this.#fanOut.add(this.#parts.registry.everybody, broadcastPush(normalizeData(data)));
  }

  /** Tries no more. Idempotent. */
  close(): void {
    this.#state = "closed";
  }

  #enter(state: "on" | "off"): void {
    if (this.#state === "subscribing") this.#state = state;
  }

  /** First the orders, then the list of what was revoked before: nothing falls in between. */
  async #subscribe(): Promise<void> {
    const { broker, revocations } = this.#parts;
    await Promise.all([broker.subscribe(BROADCAST), broker.subscribe(CONTROL)]);
    await revocations.load();
  }
}
