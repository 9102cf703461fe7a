/**
 * The keys of a cluster: what its workers sign for each other with, one key for each use.
 *
 *     key = HKDF-SHA256(shared secret of the broker, the gateway's own secret; the use)
 *
 * The shared secret lies in Redis, where other programs may read. The gateway's own secret never leaves its
 * settings. Invariant: a reader of either one alone can make no key, and no key tells of another; instances
 * with other settings make other keys.
 */
import { hkdfSync } from "node:crypto";

const KEY_BYTES = 32;

export interface ClusterKeys {
  /** Signs resume tokens. */
  readonly resume: string;
  /** Signs tickets. */
  readonly tickets: string;
  /** Signs what instances tell and forward to each other. */
  readonly instances: string;
}

/** `own`: undefined where the settings have none; then a reader of the broker's secret has all. */
export function clusterKeys(shared: string, own: string | undefined): ClusterKeys {
  const derive = (use: string): string =>
    Buffer.from(hkdfSync("sha256", shared, own ?? "", `holdfast ${use}`, KEY_BYTES)).toString("base64url");
  return { resume: derive("resume"), tickets: derive("tickets"), instances: derive("instances") };
}
