/**
 * Attendance: one client's list of the members of one channel, kept by the protocol's rule for clients, and
 * the checker of what it is told.
 *
 * The promise that it checks: versions of one list go on by one, and no member joins twice or leaves without
 * being there. Anything else makes the client read the list again. That the list is right at the end is asked
 * by `wrong`.
 */
import type { Json } from "@holdfast/protocol";

export interface AttendanceParts {
  /** Reads the list; `accept` or `failed` follows, unless the connection ends. */
  readonly read: () => void;
  readonly note: (text: string) => void;
  readonly violation: (text: string) => void;
}

interface Change {
  readonly came: boolean;
  readonly session: string;
  readonly version: number;
}

type State =
  | { readonly kind: "away" }
  | { readonly kind: "following"; version: number }
  | { readonly kind: "reading"; readonly held: Change[] };

export class Attendance {
  readonly #parts: AttendanceParts;
  #state: State = { kind: "away" };
  #list = new Set<string>();

  constructor(parts: AttendanceParts) {
    this.#parts = parts;
  }

  /** The list that came with a subscription, or was read. */
  accept(body: Json): void {
    const { version, members } = body as unknown as { version: number; members: { session: string }[] };
    const held = this.#state.kind === "reading" ? this.#state.held : [];
    this.#list = new Set(members.map(({ session }) => session));
    this.#state = { kind: "following", version };
    this.#parts.note(`is told at ${version}: ${[...this.#list].join(" ")}`);
    for (const change of held) this.#take(change);
  }

  /** The list could not be read. */
  failed(): void {
    if (this.#state.kind === "reading") this.#parts.read();
  }

  changed(came: boolean, body: Json): void {
    const { version, member } = body as unknown as { version: number; member: { session: string } };
    this.#take({ came, version, session: member.session });
  }

  /** The subscription or the connection has ended. */
  left(): void {
    this.#state = { kind: "away" };
  }

  /** How the list differs from the truth; undefined where it does not. */
  wrong(truth: readonly string[]): string | undefined {
    const ghosts = [...this.#list].filter((session) => !truth.includes(session));
    const missing = truth.filter((session) => !this.#list.has(session));
    if (this.#state.kind !== "following") return `is ${this.#state.kind}`;
    return ghosts.length + missing.length === 0
      ? undefined
      : `shows ghosts [${ghosts.join(" ")}] and misses [${missing.join(" ")}]`;
  }

  #take(change: Change): void {
    const { came, session, version } = change;
    const state = this.#state;
    if (state.kind === "away") return;
    if (state.kind === "reading") {
      state.held.push(change);
      return;
    }
    if (version <= state.version) return;
    if (version !== state.version + 1) {
      this.#parts.note(`is at ${state.version}, hears ${version}, and reads`);
      this.#state = { kind: "reading", held: [change] };
      this.#parts.read();
      return;
    }
    state.version = version;
    if (this.#list.has(session) === came)
      this.#parts.violation(`heard that ${session} ${came ? "joins" : "leaves"} twice, at ${version}`);
    if (came) this.#list.add(session);
    else this.#list.delete(session);
  }
}
