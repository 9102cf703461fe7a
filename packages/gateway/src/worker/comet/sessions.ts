/**
 * The comet sessions of a worker, by the part of their id that stays: where a request finds the session that it names.
 *
 * Invariant: a session is here from when its client knows its id until its transport has ended, and a newer one under the same key
 * takes the older one's place.
 */
import { sessionKey } from "@holdfast/protocol";
import type { CommandFrame } from "./commands.js";

/** What a request can do with a session that is reached by its id. */
export interface CometSession {
  /** Carries out commands, those that are new. */
  take(commands: readonly CommandFrame[]): void;
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
    this.#byKey.set(sessionKey(sid), session);
  }

  /** Forgets the session, unless another has taken its place. */
  delete(sid: string, session: CometSession): void {
    const key = sessionKey(sid);
    if (this.#byKey.get(key) === session) this.#byKey.delete(key);
  }
}
