/**
 * What instances say of their load, on Redis: one hash for the cluster, under leases by the server's clock.
 *
 * One script each time, for saying and hearing both, so an instance sees a picture of one moment. Bounds: 256
 * instances, of which further ones are refused, and 512 bytes of a text, of which a longer one is heard as
 * empty. Invariant: an instance that is gone without a word is heard no longer than a lease.
 */
import { BrokerUnavailable, type InstanceLoads, type SaidLoad } from "@holdfast/core";
import { SCRIPTS } from "../connection/script.js";
import type { ScriptHost } from "../connection/script-host.js";
import type { RedisKeys } from "../keys.js";

const LEASE_MS = 10_000;
const MAX_INSTANCES = 256;
const MAX_TEXT_BYTES = 512;

export class RedisLoads implements InstanceLoads {
  readonly #host: ScriptHost;
  readonly #keys: readonly string[];
  readonly #leaseMs: number;

  constructor(host: ScriptHost, keys: RedisKeys, leaseMs = LEASE_MS) {
    this.#host = host;
    this.#keys = [keys.loads];
    this.#leaseMs = leaseMs;
  }

  exchange(instance: string, text: string): Promise<readonly SaidLoad[]> {
    const args = [instance, text, ...[this.#leaseMs, MAX_INSTANCES, MAX_TEXT_BYTES].map(String)];
    return this.#host.ask({ script: SCRIPTS.loadsExchange, keys: this.#keys, args }, saidLoads);
  }

  async withdraw(instance: string): Promise<void> {
    const call = { script: SCRIPTS.loadsWithdraw, keys: this.#keys, args: [instance] };
    await this.#host.ask(call, () => {}).catch(() => {});
  }
}

function saidLoads(reply: unknown): readonly SaidLoad[] {
  if (!Array.isArray(reply))
    throw new BrokerUnavailable(`more than ${MAX_INSTANCES} instances say what they carry`);
  const all: SaidLoad[] = [];
  for (let at = 0; at + 2 < reply.length; at += 3)
    all.push({
      instance: String(reply[at]),
      ageMs: Number(reply[at + 1]),
      text: String(reply[at + 2]),
    });
  return all;
}
