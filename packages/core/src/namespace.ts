/**
 * Namespaces: what may be done with a channel, selected by the part of its name before the colon.
 */
import { namespaceOf, userOf } from "@holdfast/protocol";

export interface NamespaceOptions {
  /** Whether clients may publish to the namespace's channels. Default false. */
  readonly clientPublish?: boolean;
}

/** Resolves a channel's options. A namespace without an entry has the defaults. */
export class Namespaces {
  readonly #byName: ReadonlyMap<string, NamespaceOptions>;

  constructor(namespaces: Readonly<Record<string, NamespaceOptions>>) {
    this.#byName = new Map(Object.entries(namespaces));
  }

  /** Whether a connection of `user` may subscribe. `user:<id>` belongs to that user alone. */
  maySubscribe(channel: string, user: string | undefined): boolean {
    const owner = userOf(channel);
    return owner === undefined || owner === user;
  }

  /** Whether a connection of `user` may publish. */
  mayPublish(channel: string, user: string | undefined): boolean {
    return this.maySubscribe(channel, user) && this.#byName.get(namespaceOf(channel))?.clientPublish === true;
  }
}
