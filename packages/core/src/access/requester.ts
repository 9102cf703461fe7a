/**
 * A requester: the client of a request that opens a connection, as the request's head describes it.
 *
 * Invariant: kept for a connection until it has connected, and only where the head says anything.
 */
import type { ForwardedHeaders } from "./authorizer.js";
import type { Identity } from "./identity.js";

export interface Requester {
  /** What the request proved. */
  readonly identity?: Identity | undefined;
  /** The headers that the application is shown. */
  readonly headers?: ForwardedHeaders | undefined;
}
