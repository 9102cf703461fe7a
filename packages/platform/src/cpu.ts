/**
 * CPU: what connections cost a second, from the measured costs of a ping, a delivery, a command.
 */
import { GATEWAY } from "./limits/gateway.js";

export interface ExpectedTraffic {
  /** Silence after which a connection is pinged. */
  readonly pingIntervalSeconds: number;
  /** Publications that each connection receives a second. */
  readonly deliveriesPerConnection: number;
  /** Commands that each connection sends a second. */
  readonly commandsPerConnection: number;
  /** Publications of the whole cluster a second: each instance takes all that it has a subscriber for. */
  readonly publicationsPerSecond: number;
}

export const QUIET: ExpectedTraffic = Object.freeze({
  pingIntervalSeconds: 25,
  deliveriesPerConnection: 0,
  commandsPerConnection: 0,
  publicationsPerSecond: 0,
});

/** Cores that the connections of an instance keep busy. */
export function coresBusy(connections: number, traffic: ExpectedTraffic): number {
  const perConnection = microsPerConnection(traffic) * connections;
  return (perConnection + traffic.publicationsPerSecond * GATEWAY.microsPerPublication.value) / 1e6;
}

/** Connections whose work so many CPUs do with the share of them that a plan spends. */
export function connectionsByCpu(cpus: number, traffic: ExpectedTraffic): number {
  const micros = cpus * GATEWAY.cpuShare.value * 1e6;
  const left = micros - traffic.publicationsPerSecond * GATEWAY.microsPerPublication.value;
  return Math.max(0, Math.floor(left / microsPerConnection(traffic)));
}

/** Returning clients a second that an instance takes beside its work. */
export function returnsPerSecond(cpus: number): number {
  return cpus * GATEWAY.returnsPerSecondPerCpu.value;
}

function microsPerConnection(traffic: ExpectedTraffic): number {
  return (
    GATEWAY.microsPerPing.value / traffic.pingIntervalSeconds +
    traffic.deliveriesPerConnection * GATEWAY.microsPerDelivery.value +
    traffic.commandsPerConnection * GATEWAY.microsPerCommand.value
  );
}
