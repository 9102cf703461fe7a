/**
 * The cluster's secret: learnt from the backend, and turned into the keys of this worker.
 *
 * Leaves to `cluster-keys.ts` how keys are made, and to their users what they sign. What was signed before an
 * outage stays good while the broker has kept the secret. Invariant: it is asked for until it is known, at
 * most once every `RETRY_MS`, while the broker can be reached.
 */
import type { Broker } from "../broker/broker.js";
import type { Clock } from "../runtime/clock.js";
import type { Logger } from "../runtime/logger.js";
import { type ClusterKeys, clusterKeys } from "./cluster-keys.js";

export interface ClusterSecretParts {
  readonly broker: Pick<Broker, "state">;
  /** Asks the backend for the secret that all workers share. */
  readonly sharedSecret: () => Promise<string>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The gateway's own secret, which goes into the keys beside the shared one. */
  readonly secret?: string | undefined;
  /** Told the keys each time the secret was learnt. */
  readonly learnt: (keys: ClusterKeys) => void;
}

/** How soon a secret that was not told is asked for again, ms. */
const RETRY_MS = 1_000;

export class ClusterSecret {
  readonly #parts: ClusterSecretParts;
  #instances: string | undefined;
  #state: "open" | "closed" = "open";

  constructor(parts: ClusterSecretParts) {
    this.#parts = parts;
  }

  /** The key of what instances tell each other; undefined until the broker could be asked. */
  get instanceKey(): string | undefined {
    return this.#instances;
  }

  /** Asks while the broker can be reached, for the first time or again. */
  learn(): void {
    const { broker, sharedSecret, clock, learnt, logger, secret } = this.#parts;
    sharedSecret().then(
      (shared) => {
        const keys = clusterKeys(shared, secret);
        this.#instances = keys.instances;
        learnt(keys);
      },
      (error: unknown) => {
        logger.warn({ err: error }, "no resume tokens until the broker has told the secret");
        clock.after(RETRY_MS, () => {
          // After an outage it is asked anyway.
          if (this.#state === "open" && broker.state === "ready") this.learn();
        });
      },
    );
  }

  /** Asks no more. Idempotent. */
  close(): void {
    this.#state = "closed";
  }
}
