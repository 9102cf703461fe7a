/**
 * What the admin port is told. Values arrive checked and complete.
 */
import type { StaticPage } from "../../http/static-page.js";

export interface AdminOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /**
   * What a request must present as `Authorization: Bearer`. Undefined only while `host` is a loopback
   * address.
   */
  readonly key: string | undefined;
  /** Likewise, for requests that change nothing. */
  readonly readKey?: string | undefined;
  /** What it serves as it is, by path, without a key. Default: nothing. */
  readonly pages?: Readonly<Record<string, StaticPage>>;
  /** Connections that it holds. */
  readonly maxConnections: number;
}
