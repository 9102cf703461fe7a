/**
 * What a fleet costs a month: load balancer, instances, Redis, bytes to the internet.
 *
 * List prices of us-east-1 (limits/prices.ts), 730 hours. Invariant: the load balancer is charged for the
 * largest of its dimensions, as AWS does it.
 */
import type { ListenerProtocol } from "./idle-timers.js";
import { HOURS_PER_MONTH, PRICES } from "./limits/prices.js";
import type { LoadBalancerKind } from "./ports.js";

export interface LoadBalancerLoad {
  readonly kind: LoadBalancerKind;
  readonly protocol: ListenerProtocol;
  readonly connections: number;
  readonly newPerSecond: number;
  /** Both directions. */
  readonly bytesPerSecond: number;
}

export interface LoadBalancerCost {
  /** By dimension; the largest one is charged. */
  readonly units: { readonly active: number; readonly new: number; readonly bytes: number };
  readonly charged: "active" | "new" | "bytes";
  readonly dollarsPerMonth: number;
}

export function loadBalancerCost(load: LoadBalancerLoad): LoadBalancerCost {
  const { kind, protocol, connections, newPerSecond, bytesPerSecond } = load;
  const rates = ratesOf(kind, protocol);
  const units = {
    active: connections / rates.active,
    new: newPerSecond / rates.new,
    bytes: (bytesPerSecond * 3600) / PRICES.unitBytesPerHour.value,
  };
  const charged =
    units.active >= units.new && units.active >= units.bytes
      ? "active"
      : units.new >= units.bytes
        ? "new"
        : "bytes";
  const perHour = rates.hour + units[charged] * rates.unit;
  return { units, charged, dollarsPerMonth: perHour * HOURS_PER_MONTH };
}

function ratesOf(
  kind: LoadBalancerKind,
  protocol: ListenerProtocol,
): { active: number; new: number; unit: number; hour: number } {
  const {
    albActive,
    albNew,
    albUnit,
    albHour,
    nlbActive,
    nlbNew,
    nlbTlsActive,
    nlbTlsNew,
    nlbUnit,
    nlbHour,
  } = PRICES;
  if (kind === "alb") {
    return { active: albActive.value, new: albNew.value, unit: albUnit.value, hour: albHour.value };
  }
  const [active, fresh] = protocol === "tls" ? [nlbTlsActive, nlbTlsNew] : [nlbActive, nlbNew];
  return { active: active.value, new: fresh.value, unit: nlbUnit.value, hour: nlbHour.value };
}

/** A month of something that is priced by the hour. */
export function monthly(dollarsPerHour: number, count = 1): number {
  return dollarsPerHour * HOURS_PER_MONTH * count;
}

/** A month of bytes to the internet. */
export function egressCost(bytesPerSecond: number): number {
  return ((bytesPerSecond * 3600 * HOURS_PER_MONTH) / 1e9) * PRICES.gigabyteOut.value;
}
