/**
 * What work costs the CPU, from measurements at two sizes each.
 *
 * Between the two a cost is interpolated by the logarithm of the size, beyond them it is that of the nearer
 * one. Pure. Invariant: at a size that was measured the cost is the measured one.
 */
import { GATEWAY } from "../limits/gateway.js";

interface Measured {
  readonly size: number;
  readonly micros: number;
}

/** Pings a second of one worker. The two are of two machines: docs/scale.md. */
const PINGS: readonly [Measured, Measured] = [
  { size: 9_787 / 64, micros: GATEWAY.microsPerPing.value },
  { size: 720, micros: GATEWAY.microsPerPingTogether.value },
];
/** Subscribers of a publication on one worker: where there are many, caches hold fewer of them. */
const DELIVERIES: readonly [Measured, Measured] = [
  { size: 5_000, micros: GATEWAY.microsPerDeliveryFew.value },
  { size: 18_000, micros: GATEWAY.microsPerDelivery.value },
];

/** Of a ping and its answer, µs of a core. */
export function pingMicros(pingsPerSecondOfWorker: number): number {
  return between(PINGS, pingsPerSecondOfWorker);
}

/** Of one publication to one subscriber, µs of a core. */
export function deliveryMicros(subscribersOnWorker: number): number {
  return between(DELIVERIES, subscribersOnWorker);
}

function between([small, large]: readonly [Measured, Measured], size: number): number {
  const way = Math.log(Math.max(size, 1) / small.size) / Math.log(large.size / small.size);
  return small.micros + Math.min(1, Math.max(0, way)) * (large.micros - small.micros);
}
