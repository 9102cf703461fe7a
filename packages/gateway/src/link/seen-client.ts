/**
 * Whom a request was taken for, as a worker tells it of a probe.
 */
export interface SeenClient {
  /** The address and port of the other end of the connection. */
  readonly peer: string;
  readonly peerPort: number;
  /** Whom limits count it for; undefined where a PROXY header says so, which the worker does not see. */
  readonly address: string | undefined;
  /** Whether the peer is trusted to speak for others. */
  readonly isProxy: boolean;
}
