/**
 * The entry of a worker in the directory of the cluster: where other instances reach it.
 *
 * Nothing is announced where the instance has no address for others, or the broker no directory. Invariant:
 * an address is sealed with the cluster's key.
 */
import type { Clock, Core, WorkerDirectory } from "@holdfast/core";
import { type Owner, ownerPrefix } from "@holdfast/protocol";
import { InstanceSeal } from "./relay/instance-seal.js";
import { OtherInstances } from "./relay/other-instances.js";

export class DirectoryEntry {
  /** The other instances; undefined while there is no cluster. */
  readonly others: OtherInstances | undefined;
  readonly #owner: Owner;
  readonly #address: string | undefined;
  readonly #directory: WorkerDirectory | undefined;
  readonly #seal: InstanceSeal;

  /** `address`: where other instances reach this one; undefined: nowhere. */
  constructor(
    owner: Owner,
    address: string | undefined,
    directory: WorkerDirectory | undefined,
    core: Pick<Core, "instanceKey">,
    clock: Clock,
  ) {
    this.#owner = owner;
    this.#address = address;
    this.#directory = address === undefined ? undefined : directory;
    this.#seal = new InstanceSeal(() => core.instanceKey, clock);
    this.others = this.#directory && new OtherInstances(this.#directory, address ?? "", clock, this.#seal);
  }

  /** From now on other instances find the worker. */
  announce(): void {
    const address = this.#address;
    if (address === undefined) return;
    const worker = ownerPrefix(this.#owner);
    this.#directory?.announce(worker, () => this.#seal.sealAddress(worker, address));
  }

  /** Takes it back. Idempotent. */
  async close(): Promise<void> {
    await this.#directory?.close();
  }
}
