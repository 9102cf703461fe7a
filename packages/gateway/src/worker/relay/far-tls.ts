/**
 * TLS to the other instances, whose public ports speak it as ours do: whom this worker believes there.
 *
 * Instances are reached by address, and their certificates are for the public name, so that name is asked
 * for, and looked for: the first of our own certificate. Believed are certificates that the system's
 * authorities vouch for, our own one, and those that our files have behind it: instances of one cluster have
 * them in common, also where the system does not know the authority. Invariant: no request leaves before the
 * other end has proved to be of that name.
 */
import type { AgentOptions } from "node:https";
import * as tls from "node:tls";
import { namesIn } from "../../tls/certificate.js";
import type { TlsMaterial } from "../../tls/tls-material.js";

/** Options of Node.js 20.18 and 22.15 and later, which the typings may leave out. */
interface LaterTls {
  getCACertificates?(type: "default"): string[];
}
type TrustOptions = tls.SecureContextOptions & { readonly allowPartialTrustChain: boolean };

/** Certificates of a chain that was replaced, which other instances may still have. */
type Chains = readonly [current: readonly string[], last: readonly string[]];

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export class FarTls {
  #chains: Chains = [[], []];
  #context: tls.SecureContext | undefined = undefined;
  #name = "";

  constructor(material: TlsMaterial) {
    this.renew(material);
  }

  /** From now on our own certificates are these; those before them are believed until the next time. */
  renew({ pairs, minVersion }: TlsMaterial): void {
    const chain = pairs.flatMap(({ cert }) => cert.match(CERTIFICATE) ?? []);
    const [current] = this.#chains;
    const last = chain.join() === current.join() ? this.#chains[1] : current;
    this.#chains = [chain, last];
    const known = (tls as LaterTls).getCACertificates?.("default") ?? tls.rootCertificates;
    const trust: TrustOptions = {
      ca: [...known, ...chain, ...last],
      allowPartialTrustChain: true,
      minVersion: `TLSv${minVersion}`,
    };
    this.#context = tls.createSecureContext(trust);
    const [first] = pairs.flatMap(namesIn);
    // Any name below will do.
    this.#name = (first ?? "").replace("*", "holdfast");
  }

  /** For a connection to another instance. */
  get options(): AgentOptions {
    const name = this.#name;
    return {
      ...(this.#context && { secureContext: this.#context }),
      servername: name,
      checkServerIdentity: (_host, certificate) =>
        name === "" ? undefined : tls.checkServerIdentity(name, certificate),
    };
  }
}
