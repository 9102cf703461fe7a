/**
 * The other instances, as this worker has heard of them: where the owner of a session is reached.
 *
 * The directory is asked once per owner and while, for all requests together; that no instance is there is
 * remembered, too, for less long. While the directory cannot be asked the last answer stands. Invariants:
 * never more than `MAX_KNOWN` are remembered, the oldest are forgotten first; no request waits longer than
 * `ASK_TIMEOUT_MS`.
 */
import type { Clock, WorkerDirectory } from "@holdfast/core";
import type { InstanceSeal } from "./instance-seal.js";

/** Where a relayed request goes: another worker's Unix socket, or another instance's public port. */
export type RelayTarget =
  | { readonly socketPath: string; readonly host?: undefined }
  | { readonly socketPath?: undefined; readonly host: string; readonly port: number; readonly owner: string };

const MAX_KNOWN = 4_096;
/** How long an address is believed, ms. Wrong ones are found out by going there. */
const KNOWN_MS = 10_000;
/**
 * How long no request asks again for an owner that is nowhere, ms: a storm of its clients may be coming back.
 */
const NOWHERE_MS = 2_000;
const ASK_TIMEOUT_MS = 1_000;

/** Instead of an address: the directory did not answer. */
const LATE = Symbol("late");

interface Known {
  readonly found: Promise<RelayTarget | undefined>;
  /** When to ask again, in the clock's monotonic ms. */
  until: number;
}

export class OtherInstances {
  readonly #directory: WorkerDirectory;
  /** Our own address: what is said to be there is gone. */
  readonly #own: string;
  readonly #clock: Clock;
  /** By it they know us, and we them. */
  readonly seal: InstanceSeal;
  /** By owner prefix, in the order of asking. */
  readonly #known = new Map<string, Known>();

  constructor(directory: WorkerDirectory, own: string, clock: Clock, seal: InstanceSeal) {
    this.#directory = directory;
    this.#own = own;
    this.#clock = clock;
    this.seal = seal;
  }

  /** Where this owner is reached, or undefined. Never rejects. */
  find(owner: string): Promise<RelayTarget | undefined> {
    const now = this.#clock.monotonic();
    const known = this.#known.get(owner);
    if (known !== undefined && known.until > now) return known.found;
    const found = this.#ask(owner, known?.found);
    this.#remember(owner, { found, until: now + KNOWN_MS });
    return found;
  }

  /** No instance is there, or one that knows nothing of this owner. */
  wasWrong(owner: string): void {
    const until = this.#clock.monotonic() + NOWHERE_MS;
    this.#remember(owner, { found: Promise.resolve(undefined), until });
  }

  async #ask(
    owner: string,
    last: Promise<RelayTarget | undefined> | undefined,
  ): Promise<RelayTarget | undefined> {
    const entry = await this.#inTime(this.#directory.find(owner));
    if (entry === LATE) {
      this.#shorten(owner);
      return last;
    }
    // An entry that no instance of this cluster has written leads nowhere.
    const address = entry === undefined ? undefined : this.seal.openAddress(owner, entry);
    const destination =
      address === undefined || address === this.#own ? undefined : destinationOf(address, owner);
    if (destination === undefined) this.#shorten(owner);
    return destination;
  }

  #inTime(asked: Promise<string | undefined>): Promise<string | typeof LATE | undefined> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(ASK_TIMEOUT_MS, () => resolve(LATE));
      asked
        .catch((): typeof LATE => LATE)
        .then((address) => {
          timer.cancel();
          resolve(address);
        });
    });
  }

  #shorten(owner: string): void {
    const known = this.#known.get(owner);
    if (known !== undefined) known.until = Math.min(known.until, this.#clock.monotonic() + NOWHERE_MS);
  }

  #remember(owner: string, known: Known): void {
    this.#known.delete(owner);
    this.#known.set(owner, known);
    if (this.#known.size <= MAX_KNOWN) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

/** `host:port`, an IPv6 address in brackets; undefined for any other text. */
function destinationOf(address: string, owner: string): RelayTarget | undefined {
  const [, host, port] = /^(\[[\da-fA-F:.%]+\]|[\w.-]+):(\d{1,5})$/.exec(address) ?? [];
  if (host === undefined || Number(port) > 65_535) return undefined;
  return { host: host.replaceAll(/^\[|\]$/g, ""), port: Number(port), owner };
}
