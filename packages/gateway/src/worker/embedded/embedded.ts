/**
 * The embedded broker and its seams, seen from a worker: all of them are at the other end of the link.
 */
import type { Clock, PresenceStore, RevocationStore } from "@holdfast/core";
import { LINK_SHARES, type Send } from "../../link/link.js";
import type { BrokerAnswer, BrokerRequest, SeamAnswer, SeamCall } from "../../link/messages.js";
import { LinkBroker } from "./broker-link.js";
import { LinkCalls } from "./link-calls.js";
import type { WorkerBroker } from "./worker-broker.js";

export class Embedded implements WorkerBroker {
  readonly broker: LinkBroker;
  readonly sharedSecret: () => Promise<string>;
  readonly ingest = undefined;
  readonly presence: PresenceStore;
  readonly revocations: RevocationStore;
  readonly #calls: LinkCalls;

  constructor(send: Send<BrokerRequest | SeamCall>, clock: Clock) {
    const ask = (message: BrokerRequest | SeamCall): boolean => send(message, LINK_SHARES.requests);
    this.broker = new LinkBroker(ask, clock);
    this.sharedSecret = () => this.broker.sharedSecret();
    this.#calls = new LinkCalls(ask, clock);
    this.presence = this.#calls.seam<PresenceStore>("presence", {
      renew: true,
      change: true,
      read: true,
      end: true,
    });
    this.revocations = this.#calls.seam<RevocationStore>("revocations", {
      add: true,
      list: true,
      spend: true,
    });
  }

  /** What the primary says. */
  answer(message: BrokerAnswer | SeamAnswer): void {
    if (message.type === "answer" || message.type === "call-failed") this.#calls.answer(message);
    else this.broker.answer(message);
  }

  /** Ends what waits for the seams; the broker is closed by core. Idempotent. */
  close(): void {
    this.#calls.close();
  }
}
