/**
 * The comet sessions of a worker, by the part of their id that stays: where a request finds the session that
 * it names.
 *
 * Invariant: a session is here from when its client knows its id until its transport has ended. A newer
 * transport under the same key takes the older one's place and ends it: a stream whose client is gone may
 * otherwise stay until the kernel gives up.
 */
import { sessionKey } from "@holdfast/protocol";
import type { CommandFrame } from "./commands.js";

/** What a request can do with a session that is reached by its id. */
export interface CometSession {
  /** Carries out commands, those that are new. */
  take(commands: readonly CommandFrame[]): void;
  /** The session goes on in another transport: this one ends. */
  supersede(): void;
}

export class CometSessions {
  readonly #byKey = new Map<string, CometSession>();

  get size(): number {
    return this.#byKey.size;
  }

  get(sid: string): CometSession | undefined {
    return this.#byKey.get(sessionKey(sid));
  }

  set(sid: string, session: CometSession): void {
    const key = sessionKey(sid);
    const before = this.#byKey.get(key);
    this.#byKey.set(key, session);
    if (before !== session) before?.supersede();
  }

  /** Forgets the session, unless another has taken its place. */
  delete(sid: string, session: CometSession): void {
    const key = sessionKey(sid);
    if (this.#byKey.get(key) === session) this.#byKey.delete(key);
  }
}
