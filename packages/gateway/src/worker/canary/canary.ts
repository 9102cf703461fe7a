/**
 * The delivery canary of a worker: publishes at an interval where it is the one of its instance that does,
 * and hears the canaries of all instances.
 *
 * A canary names its instance, the life of its sequence and its number in it. A publication that the broker
 * did not take begins another life, since it may have been heard or not: only what the broker took can be
 * lost. Skew is estimated as NTP does: of the last canaries the one that took least is compared with half of
 * both sides' own round trips. Invariant: at most `MAX_TRACKED` sequences are followed, and each canary costs
 * a bounded piece of work, whatever it says.
 */
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { type Broker, CANARY, type Clock, type Metrics, type Timer } from "@holdfast/core";
import { type Owner, ownerPrefix } from "@holdfast/protocol";
import type { CanaryReport } from "../../link/worker-report.js";
import { CanaryBroker } from "./canary-broker.js";
import { CanarySequence } from "./canary-sequence.js";

/** Sequences of instances that are followed. */
export const MAX_TRACKED = 64;
/** Intervals of silence after which a sequence is forgotten. */
const SILENT_INTERVALS = 12;
/** Delays of which the least is taken. */
const DELAYS = 8;
const MAX_TEXT = 512;
/** At rest timers fire at whole seconds (core, `Rest`). */
const LEAST_AT_REST_MS = 1_000;

export interface CanaryOptions {
  /** Names the instance in the cluster. */
  readonly instance: string;
  /** The worker. Of an instance the one of slot 0 publishes. */
  readonly owner: Owner;
  readonly intervalMs: number;
}

/** A name that no other instance has: of the machine, and of the folder that the instance made. */
export function instanceName(relayDirectory: string): string {
  const text = `${hostname()} ${relayDirectory}`;
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}

interface CanaryText {
  readonly instance: string;
  readonly life: string;
  readonly n: number;
  /** Wall clock of the publisher, ms since 1970. */
  readonly at: number;
  /** How long the publisher's own canaries take to come back to it, ms. */
  readonly trip: number;
}

interface Followed {
  readonly instance: string;
  readonly sequence: CanarySequence;
  /** Since it was published by the publisher's clock, ms; the last ones. */
  readonly delays: number[];
  skewMs: number;
  /** Monotonic. */
  heardAt: number;
}

export class Canary {
  readonly #options: CanaryOptions;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #timer: Timer;
  readonly #followed = new Map<string, Followed>();
  #broker: Broker | undefined;
  #life = 0;
  #n = 0;
  /** When a canary of any instance was heard last, or could be heard again, monotonic ms. */
  #audibleAt: number;
  /** The least that the canaries of this instance took lately to come here, ms. */
  #tripMs = 0;

  constructor(options: CanaryOptions, clock: Clock, metrics: Metrics) {
    this.#options = options;
    this.#clock = clock;
    this.#metrics = metrics;
    this.#audibleAt = clock.monotonic();
    this.#timer = clock.every(options.intervalMs, () => this.#tick());
  }

  /** The broker for core, from which canaries are taken out. Called once. */
  around(broker: Broker): Broker {
    this.#broker = broker;
    return new CanaryBroker(broker, {
      heard: (text) => this.#heard(text),
      // A broker restores its topics itself; the first time it has to be told. A refusal is tried at each
      // tick.
      reachable: () => {
        this.#audibleAt = this.#clock.monotonic();
        void broker.subscribe(CANARY).catch(() => {});
      },
    });
  }

  /** Instances that are heard, this one included. */
  get instances(): number {
    return new Set([...this.#followed.values()].map(({ instance }) => instance)).size;
  }

  /** For viewers. Silence counts while the broker can be reached: its absence is told otherwise. */
  report(): CanaryReport {
    const isReachable = this.#broker?.state === "ready";
    return {
      instances: this.instances,
      intervalMs: this.#options.intervalMs,
      silentMs: isReachable ? Math.round(this.#clock.monotonic() - this.#audibleAt) : 0,
    };
  }

  /** The largest difference between an instance's wall clock and this one's, as estimated, seconds. */
  get skewSeconds(): number {
    return Math.max(0, ...[...this.#followed.values()].map(({ skewMs }) => Math.abs(skewMs))) / 1000;
  }

  /**
   * Whether the process may rest between two canaries: a shorter interval than a second would become one, and
   * others would take the silence for a loss.
   */
  get mayRest(): boolean {
    return this.#options.intervalMs >= LEAST_AT_REST_MS;
  }

  /** Publishes no more; idempotent. */
  close(): void {
    this.#timer.cancel();
  }

  #tick(): void {
    const silentMs = SILENT_INTERVALS * this.#options.intervalMs;
    for (const [life, { sequence, heardAt }] of this.#followed) {
      if (this.#clock.monotonic() - heardAt < silentMs) continue;
      this.#followed.delete(life);
      const lost = sequence.end();
      if (lost > 0) this.#metrics.add("canaries_lost", lost);
    }
    const broker = this.#broker;
    if (broker?.state !== "ready") return;
    void broker.subscribe(CANARY).catch(() => {});
    if (this.#options.owner.slot === 0) this.#publish(broker);
  }

  #publish(broker: Broker): void {
    const { instance, owner } = this.#options;
    const begun = this.#life;
    const life = `${ownerPrefix(owner)}-${begun}`;
    const text: CanaryText = { instance, life, n: ++this.#n, at: this.#clock.now(), trip: this.#tripMs };
    this.#metrics.add("canaries_sent", 1);
    broker.publish(CANARY, JSON.stringify(text)).catch(() => {
      this.#metrics.add("canaries_failed", 1);
      if (begun !== this.#life) return;
      this.#life++;
      this.#n = 0;
    });
  }

  #heard(text: string): void {
    const canary = parse(text);
    const followed = canary && this.#follow(canary);
    if (canary === undefined || followed === undefined) return this.#metrics.add("canaries_untracked", 1);
    const { kind, lost } = followed.sequence.hear(canary.n);
    followed.heardAt = this.#clock.monotonic();
    this.#audibleAt = followed.heardAt;
    this.#metrics.add("canaries_heard", 1);
    if (lost > 0) this.#metrics.add("canaries_lost", lost);
    if (kind === "duplicate") return this.#metrics.add("canaries_duplicate", 1);
    if (kind === "reordered") this.#metrics.add("canaries_reordered", 1);
    this.#measure(canary, followed);
  }

  #measure({ instance, at, trip }: CanaryText, followed: Followed): void {
    const { delays } = followed;
    const delay = this.#clock.now() - at;
    if (delays.push(delay) > DELAYS) delays.shift();
    const least = Math.min(...delays);
    const isOwn = instance === this.#options.instance;
    // One clock: what it took is what it says, unless that clock was set meanwhile.
    if (isOwn) this.#tripMs = Math.max(0, least);
    else followed.skewMs = least - (this.#tripMs + trip) / 2;
    this.#metrics.observe("canary_seconds", Math.max(0, delay - followed.skewMs) / 1000);
  }

  /** Undefined where there are too many. */
  #follow({ instance, life, n }: CanaryText): Followed | undefined {
    const known = this.#followed.get(life);
    if (known !== undefined) return known;
    if (this.#followed.size >= MAX_TRACKED) return undefined;
    // A new life of an instance that was heard began with 1; of another one the past is not known.
    const goesOn = [...this.#followed.values()].some((each) => each.instance === instance);
    const sequence = new CanarySequence(goesOn ? 0 : n - 1);
    const followed = { instance, sequence, delays: [], skewMs: 0, heardAt: 0 };
    this.#followed.set(life, followed);
    return followed;
  }
}

/** Whatever was published there: undefined where it is no canary. */
function parse(text: string): CanaryText | undefined {
  if (text.length > MAX_TEXT) return undefined;
  try {
    const { instance, life, n, at, trip } = JSON.parse(text) as Record<keyof CanaryText, unknown>;
    if (typeof instance !== "string" || typeof life !== "string") return undefined;
    if (!isNumber(n) || !isNumber(at) || !isNumber(trip) || !Number.isSafeInteger(n) || n < 1)
      return undefined;
    return { instance, life, n, at, trip };
  } catch {
    return undefined;
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
