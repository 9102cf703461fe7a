/**
 * The states of a client as the application sees them.
 */
import type { AnnouncedLimits } from "@holdfast/protocol";
import type { TransportName } from "./transports/transport.js";

export type ClientState =
  /** `connect()` was not called yet. */
  | { readonly name: "idle" }
  /** An attempt is under way; `attempt` counts those since the last stable connection, from 1. */
  | { readonly name: "connecting"; readonly attempt: number }
  /**
   * `user`: whose connection this is, as the token says; undefined for an anonymous one. `transport`: what
   * carries it.
   */
  | {
      readonly name: "connected";
      readonly sid: string;
      readonly user: string | undefined;
      readonly limits: AnnouncedLimits;
      readonly transport: TransportName;
    }
  /**
   * Between two attempts. `code` and `reason` say why the last one ended; `retryAt` is the time of the next
   * one in ms since 1970, at the latest: a device that says that it is offline is tried as soon as it is
   * online.
   */
  | {
      readonly name: "waiting";
      readonly code: number;
      readonly reason: string;
      readonly retryAt: number;
    }
  /**
   * Ended for good; only `connect()` begins anew. `by` the client: `close()` was called, and the code is
   * 1000. `by` the server: it forbids to come back, and the code is one of docs/codes.md (or 1006 where no
   *       transport can be made).
   */
  | {
      readonly name: "closed";
      readonly by: "client" | "server";
      readonly code: number;
      readonly reason: string;
    };
