/**
 * The states of a client as the application sees them.
 */
import type { AnnouncedLimits } from "@holdfast/protocol";

export type ClientState =
  /** `connect()` was not called yet. */
  | { readonly name: "idle" }
  /** An attempt is under way; `attempt` counts those since the last stable connection, from 1. */
  | { readonly name: "connecting"; readonly attempt: number }
  /** `user`: whose connection this is, as the token says; undefined for an anonymous one. */
  | {
      readonly name: "connected";
      readonly sid: string;
      readonly user: string | undefined;
      readonly limits: AnnouncedLimits;
    }
  /**
   * Between two attempts. `code` and `reason` say why the last one ended; `retryAt` is the time of the next one in ms
   * since 1970, undefined while the device is offline.
   */
  | {
      readonly name: "waiting";
      readonly code: number;
      readonly reason: string;
      readonly retryAt: number | undefined;
    }
  /** Ended by `close()` (code 1000) or by a server that forbids to come back. Only `connect()` begins anew. */
  | { readonly name: "closed"; readonly code: number; readonly reason: string };
