/**
 * The course of a run: a sample every so often, of the fleet, the gateway and the kernel.
 *
 * Reading costs CPU on a machine that is under test, so a sample waits twenty times as long as the last one
 * took, and a second at least. Invariant: samples are in order of time and at most `MAX_SAMPLES`; beyond,
 * every second one goes.
 */
import type { Fleet } from "../fleet/fleet.js";
import type { Gateway, GatewayReading } from "../measure/gateway.js";
import { longestPauseMs } from "../measure/gateway-numbers.js";
import { kernelBytes } from "../measure/kernel.js";
import type { Sample } from "../report/report.js";

const MAX_SAMPLES = 2_000;
const LEAST_INTERVAL_MS = 1_000;
const REST_FACTOR = 20;

/** Counters at one moment, to be subtracted. */
interface Moment {
  readonly ms: number;
  readonly connected: number;
  readonly agentsCpuMicros: number;
  readonly gateway: GatewayReading;
}

export class Recorder {
  readonly samples: Sample[] = [];
  readonly #fleet: Fleet;
  readonly #gateway: Gateway;
  readonly #kernelBefore: number;
  #begunMs = 0;
  #last: Moment | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sampling: Promise<Sample> | undefined;

  /** `kernelBefore`: what the kernel had before there were connections. */
  constructor(fleet: Fleet, gateway: Gateway, kernelBefore: number) {
    this.#fleet = fleet;
    this.#gateway = gateway;
    this.#kernelBefore = kernelBefore;
  }

  /** Seconds since the first sample. */
  get seconds(): number {
    return (performance.now() - this.#begunMs) / 1000;
  }

  async start(): Promise<void> {
    this.#begunMs = performance.now();
    await this.sample();
    this.#schedule(LEAST_INTERVAL_MS);
  }

  /** Takes a sample now, after the one that is being taken. */
  async sample(): Promise<Sample> {
    while (this.#sampling !== undefined) await this.#sampling;
    this.#sampling = this.#take();
    try {
      return await this.#sampling;
    } finally {
      this.#sampling = undefined;
    }
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#sampling;
  }

  #schedule(ms: number): void {
    const timer = setTimeout(async () => {
      const begun = performance.now();
      await this.sample();
      if (this.#timer === timer) {
        this.#schedule(Math.max(LEAST_INTERVAL_MS, (performance.now() - begun) * REST_FACTOR));
      }
    }, ms);
    this.#timer = timer;
  }

  async #take(): Promise<Sample> {
    const gateway = await this.#gateway.read();
    const totals = this.#fleet.totals();
    const handshakes = this.#fleet.handshakes.take();
    const now: Moment = {
      ms: performance.now(),
      connected: totals.connected,
      agentsCpuMicros: this.#fleet.cpuMicros(),
      gateway,
    };
    const before = this.#last ?? now;
    this.#last = now;
    const spanMs = Math.max(1, now.ms - before.ms);
    const share = (micros: number): number => Math.max(0, micros / 1000 / spanMs);
    const { numbers } = gateway;
    const known = handshakes.total > 0;
    const hearing = this.#fleet.hearing.take();
    const heard = hearing.total > 0;
    const sample: Sample = {
      s: Math.round((now.ms - this.#begunMs) / 10) / 100,
      connected: totals.connected,
      undecided: totals.undecided,
      givenUp: totals.givenUp,
      lost: totals.lost,
      handshakesPerSecond: Math.max(0, Math.round(((now.connected - before.connected) * 1000) / spanMs)),
      handshakeP50Ms: known ? handshakes.quantile(0.5) / 1000 : null,
      handshakeP99Ms: known ? handshakes.quantile(0.99) / 1000 : null,
      messagesPerSecond: Math.round((hearing.total * 1000) / spanMs),
      messageP50Ms: heard ? hearing.quantile(0.5) / 1000 : null,
      messageP99Ms: heard ? hearing.quantile(0.99) / 1000 : null,
      gatewayBytes: gateway.pssBytes ?? null,
      agentsBytes: this.#fleet.memoryBytes(),
      kernelBytes: Math.max(0, kernelBytes() - this.#kernelBefore),
      gatewayCpu:
        gateway.cpuMicros === undefined
          ? null
          : share(gateway.cpuMicros - (before.gateway.cpuMicros ?? gateway.cpuMicros)),
      agentsCpu: share(now.agentsCpuMicros - before.agentsCpuMicros),
      loopDelayP99Ms: numbers?.loopDelayP99Ms ?? null,
      loopDelayMaxMs: numbers?.loopDelayMaxMs ?? null,
      gcShare:
        numbers === undefined
          ? null
          : share((numbers.gcSeconds - (before.gateway.numbers ?? numbers).gcSeconds) * 1e6),
      gcLongestMs: numbers === undefined ? null : longestPauseMs(before.gateway.numbers ?? numbers, numbers),
    };
    this.samples.push(sample);
    if (this.samples.length > MAX_SAMPLES) this.#thin();
    return sample;
  }

  #thin(): void {
    const kept = this.samples.filter((_, index) => index % 2 === 0);
    this.samples.length = 0;
    for (const sample of kept) this.samples.push(sample);
  }
}
