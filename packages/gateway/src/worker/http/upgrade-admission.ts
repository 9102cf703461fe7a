/**
 * Whether an upgrade may become a connection: what its head says (`upgrade.ts`), who it is from
 * (`RequestAuthentication`), and whether core admits it.
 *
 * At once, unless there is a token to check or the application to ask. Invariant: an upgrade is accepted only
 * if all three agree.
 */
import { ANONYMOUS, type Core, type ForwardedHeaders, type Verdict } from "@holdfast/core";
import { errors } from "@holdfast/protocol";
import type { RequestHead } from "../../http/incoming-head.js";
import type { ClientAddresses } from "./client-addresses.js";
import { withAddress } from "./forwarded-headers.js";
import type { RequestAuthentication } from "./request-authentication.js";
import {
  type Acceptance,
  decideUpgrade,
  refusalFor,
  type UpgradePolicy,
  type UpgradeRefusal,
} from "./upgrade.js";

export class UpgradeAdmission {
  readonly #core: Pick<Core, "state" | "admit">;
  readonly #authentication: RequestAuthentication;
  readonly #policy: UpgradePolicy;
  readonly #clients: ClientAddresses;
  readonly #random: () => number;

  constructor(
    core: Pick<Core, "state" | "admit">,
    authentication: RequestAuthentication,
    policy: UpgradePolicy,
    clients: ClientAddresses,
    random: () => number,
  ) {
    this.#core = core;
    this.#authentication = authentication;
    this.#policy = policy;
    this.#clients = clients;
    this.#random = random;
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
    const who = this.#authentication.authenticate({ token, forwarded: byUrl });
    if (!(who instanceof Promise)) return this.#admit(decision, who);
    // Another user than was said, or none: a client that says nothing may still do so in `connect`.
    return who.then((late) =>
      "error" in late ? refusalFor(late.error, this.#random()) : this.#admit(decision, late),
    );
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
