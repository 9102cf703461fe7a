/**
 * A simulated worker: the real core on a clock of its own and a simulated broker. Its event loop may be busy:
 * then what arrives is taken, and what was deferred waits.
 */
import { ownerPrefix } from "@holdfast/protocol";
import { Core } from "../../core.js";
import { CORE_DEFAULTS, type CoreOptions } from "../../options.js";
import { memoryRevocations } from "../core-world.js";
import { FakeClock } from "../fake-clock.js";
import { RecordingLogger } from "../recording-logger.js";
import { RecordingMetrics } from "../recording-metrics.js";
import type { Random } from "./random.js";
import type { SimBroker } from "./sim-broker.js";

/** ms. */
const MAX_SHUTDOWN = 1000;

export class SimWorker {
  readonly name: string;
  readonly clock: FakeClock;
  readonly core: Core;
  readonly broker: SimBroker;
  readonly logger = new RecordingLogger();
  readonly metrics = new RecordingMetrics();
  state: "running" | "draining" | "dead" = "running";
  /** Until when its loop is busy, in its own time. */
  #busyUntil = 0;

  constructor(
    slot: number,
    generation: number,
    options: Partial<CoreOptions>,
    broker: SimBroker,
    random: Random,
    /** The wall clock, ms since 1970. */
    now: number,
  ) {
    this.clock = new FakeClock(now);
    this.name = `worker ${slot}.${generation}`;
    this.broker = broker;
    this.core = new Core(
      { ...CORE_DEFAULTS, ...options },
      {
        broker,
        sharedSecret: () => broker.sharedSecret(),
        presence: broker.presence(),
        revocations: memoryRevocations(broker, this.clock),
        clock: this.clock,
        logger: this.logger,
        metrics: this.metrics,
        sessionId: () =>
          ownerPrefix({ slot, generation }) + `${random.int(0, 999_999_999)}`.padStart(16, "0"),
        random: () => random.next(),
      },
    );
    this.core.start();
  }

  pass(ms: number): void {
    if (this.state === "dead") return;
    if (this.clock.monotonic() + ms < this.#busyUntil) this.clock.spend(ms);
    else this.clock.advance(ms);
  }

  /** What was deferred happens, if the loop comes round. */
  turn(): void {
    if (this.state !== "dead" && this.clock.monotonic() >= this.#busyUntil) this.clock.runDeferred();
  }

  busy(ms: number): void {
    this.#busyUntil = this.clock.monotonic() + ms;
  }

  crash(): void {
    this.state = "dead";
    this.broker.crash();
  }

  /** Sends its clients away; then it is gone. */
  async drain(): Promise<void> {
    this.state = "draining";
    this.clock.after(MAX_SHUTDOWN * 2, () => void this.core.close());
    await this.core.drain({ windowMs: MAX_SHUTDOWN, reason: "simulated" });
    await this.core.close();
  }
}
