/**
 * What the admin port is told. Values arrive checked and complete.
 */

export interface AdminOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /**
   * What a request must present as `Authorization: Bearer`. Undefined only while `host` is a loopback
   * address.
   */
  readonly key: string | undefined;
  /** Connections that it holds. */
  readonly maxConnections: number;
}
