/**
 * Facts of the runtime that a gateway would start with.
 */
import type { Fact } from "./fact.js";

export interface NodeFacts {
  /** Such as `22.12.0`. */
  readonly version: string;
  /** `node`, or what else claims to be it. */
  readonly runtime: string;
  readonly architecture: string;
  /** Flags of the command line and of NODE_OPTIONS. */
  readonly flags: readonly string[];
  /** The variable NODE_TLS_REJECT_UNAUTHORIZED; undefined where it is not set. */
  readonly tlsRejectUnauthorized: string | undefined;
  /** Variables that make Node.js write or keep much: their names. */
  readonly debugVariables: readonly string[];
  readonly userId: Fact<number>;
  /** The system's notion of now, ms since 1970: for the ends of support. */
  readonly nowMs: number;
}
