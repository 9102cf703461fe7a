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
import type { AddressProbes, Peer } from "./address-probes.js";
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
  readonly #probes: AddressProbes;
  readonly #random: () => number;

  constructor(
    core: Pick<Core, "state" | "admit">,
    authentication: RequestAuthentication,
    policy: UpgradePolicy,
    clients: ClientAddresses,
    probes: AddressProbes,
    random: () => number,
  ) {
    this.#core = core;
    this.#authentication = authentication;
    this.#policy = policy;
    this.#clients = clients;
    this.#probes = probes;
    this.#random = random;
  }

  /**
   * `peer`: the other end of the connection, asked for where the application is shown headers, and for a
   * probe.
   */
  decide(
    head: RequestHead,
    peer: () => Peer | undefined,
  ): Acceptance | UpgradeRefusal | Promise<Acceptance | UpgradeRefusal> {
    this.#probes.note(head.headers, peer, this.#clients);
    const bare = decideUpgrade(head, this.#policy);
    if (bare.kind === "refuse") return bare;
    const address = this.#clients.remembered(() => peer()?.address, head.headers);
    const asked = address === undefined ? bare : { ...bare, address };
    const decision =
      asked.forwarded === undefined
        ? asked
        : this.#withAddress(asked, asked.forwarded, head, peer()?.address);
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
