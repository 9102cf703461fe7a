/**
 * Whether an upgrade may become a connection: what its head says (`upgrade.ts`), who asks, and whether core
 * admits it.
 *
 * At once, unless there is a token to check or the application to ask. Invariant: upgrades that wait here are
 * counted and bounded, since each holds its socket.
 */
import { ANONYMOUS, type Core, type ForwardedHeaders, type Verdict } from "@holdfast/core";
import { errors } from "@holdfast/protocol";
import type { RequestHead } from "../../http/incoming-head.js";
import type { ClientAddresses } from "./client-addresses.js";
import { withAddress } from "./forwarded-headers.js";
import {
  type Acceptance,
  decideUpgrade,
  refusalFor,
  type UpgradePolicy,
  type UpgradeRefusal,
} from "./upgrade.js";

/** Upgrades that may wait at once: a check takes a fraction of a millisecond, unless keys are fetched. */
const MAX_WAITING = 4_096;

export class UpgradeAdmission {
  readonly #core: Pick<Core, "state" | "authenticate" | "admit">;
  readonly #policy: UpgradePolicy;
  readonly #clients: ClientAddresses;
  readonly #random: () => number;
  #waiting = 0;

  constructor(
    core: Pick<Core, "state" | "authenticate" | "admit">,
    policy: UpgradePolicy,
    clients: ClientAddresses,
    random: () => number,
  ) {
    this.#core = core;
    this.#policy = policy;
    this.#clients = clients;
    this.#random = random;
  }

  /** Upgrades of which it is not known yet who asks. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * `peer`: the address at the other end of the connection, asked for where the application is shown headers.
   */
  decide(
    head: RequestHead,
    peer: () => string | undefined,
  ): Acceptance | UpgradeRefusal | Promise<Acceptance | UpgradeRefusal> {
    const bare = decideUpgrade(head, this.#policy);
    if (bare.kind === "refuse") return bare;
    const decision =
      bare.forwarded === undefined ? bare : this.#withAddress(bare, bare.forwarded, head, peer());
    const { channels, forwarded, token } = decision;
    const byUrl = channels === undefined ? undefined : forwarded;
    if ((token !== undefined || byUrl !== undefined) && this.#waiting >= MAX_WAITING)
      return refusalFor(errors.unavailable, this.#random());
    const who = this.#core.authenticate(token, byUrl);
    if (!(who instanceof Promise)) return this.#admit(decision, who);
    this.#waiting++;
    return who.then((late) => {
      this.#waiting--;
      // Another user than was said, or none: a client that says nothing may still do so in `connect`.
      return "error" in late ? refusalFor(late.error, this.#random()) : this.#admit(decision, late);
    });
  }

  #withAddress(
    decision: Acceptance,
    forwarded: ForwardedHeaders,
    { headers }: RequestHead,
    peer: string | undefined,
  ): Acceptance {
    return { ...decision, forwarded: withAddress(forwarded, this.#clients.of(peer, headers).address) };
  }

  #admit(decision: Acceptance, who: Verdict): Acceptance | UpgradeRefusal {
    if (this.#core.state !== "open") {
      return refusalFor(
        { ...errors.unavailable, message: "This server is going away; try again." },
        this.#random(),
      );
    }
    const error = this.#core.admit(decision.channels, who);
    if (error !== undefined) return refusalFor(error, this.#random());
    return "identity" in who && who.identity !== ANONYMOUS
      ? { ...decision, identity: who.identity }
      : decision;
  }
}
