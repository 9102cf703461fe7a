/**
 * A backend as the gateway takes one: core's `Backend` with what a primary serves and a worker works with.
 */
import type { Backend } from "@holdfast/core";
import type { PrimaryOptions, WorkerBroker } from "@holdfast/gateway";

/** What a primary uses, and what it serves to its workers. */
export type PrimaryBackend = Pick<
  PrimaryOptions,
  "broker" | "bus" | "loads" | "presence" | "revocations" | "seams"
>;

export type GatewayBackend = Backend<PrimaryBackend, WorkerBroker>;
