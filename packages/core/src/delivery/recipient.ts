/**
 * A recipient: one connection, as far as writing to it is concerned.
 *
 * What the functions of `writer.ts` and the policies of `slow-consumers.ts` read and change of a connection,
 * so that it needs no further object for being written to.
 */
import type { DisconnectCode } from "@holdfast/protocol";
import type { Codec } from "../codec/codec.js";
import type { HeldRun } from "./held-run.js";
import type { OutboxBacklog } from "./outbox.js";
import type { Transport } from "./transport.js";

/** What the delivery keeps of a connection, in the connection itself. */
export class DeliveryState {
  /** What the outbox knows of the bytes that wait, while any do. Written by `writer.ts` alone. */
  backlog: OutboxBacklog | undefined = undefined;
  /** What is to be written to it with the end of the turn. Written by `cork.ts` alone. */
  held: HeldRun | undefined = undefined;
}

export interface Recipient extends DeliveryState {
  readonly id: string;
  readonly session: { readonly user: string | undefined } | undefined;
  readonly codec: Codec;
  readonly transport: Transport;
  readonly isOpen: boolean;
  /** Says why and ends the connection. */
  disconnect(row: DisconnectCode): void;
  /** Its transport has broken its contract: it ends, without a word. */
  enter(next: "closing"): boolean;
}
