/**
 * The certificates of an instance: those of its public ports and of its admin port, where they speak TLS.
 *
 * Each has a store of its own, which reads the files; what is renewed goes to the workers and to the admin
 * port. Invariant: all is read before anything listens, so that a bad file keeps the instance from starting.
 */
import type { Clock, Logger } from "@holdfast/core";
import { CertificateStore, type Renewal, type TlsPortOptions } from "../../tls/certificate-store.js";
import type { TlsMaterial } from "../../tls/tls-material.js";

/** The ports that may have certificates. */
export const TLS_PORTS = ["public", "admin"] as const;
export type TlsPort = (typeof TLS_PORTS)[number];

/** What a scrape shows of one port's certificates. */
export interface CertificateReading {
  readonly port: TlsPort;
  /** When the first of them expires, ms since 1970. */
  readonly expiresAt: number;
  readonly renewals: Readonly<Record<"loaded" | "refused", number>>;
}

export class PortCertificates {
  readonly #stores: ReadonlyMap<TlsPort, CertificateStore>;

  /** Throws a sentence when files cannot be served. `renewed` is told of what a port is served with now. */
  constructor(
    options: Readonly<Partial<Record<TlsPort, TlsPortOptions | undefined>>>,
    clock: Clock,
    logger: Logger,
    renewed: (port: TlsPort, material: TlsMaterial) => void,
  ) {
    const stores = new Map<TlsPort, CertificateStore>();
    for (const port of TLS_PORTS) {
      const one = options[port];
      if (one !== undefined)
        stores.set(port, new CertificateStore(one, clock, logger, (material) => renewed(port, material)));
    }
    this.#stores = stores;
  }

  /** What a port shakes hands with; undefined: it speaks plain HTTP. */
  of(port: TlsPort): TlsMaterial | undefined {
    return this.#stores.get(port)?.material;
  }

  get readings(): readonly CertificateReading[] {
    return [...this.#stores].map(([port, { expiresAt, renewals }]) => ({ port, expiresAt, renewals }));
  }

  /**
   * Reads files that have changed, at once. Says what became of what changed since the last call, also of
   * what was found without it; `refused` where the files of one port are bad.
   */
  renew(): Renewal {
    const results = [...this.#stores.values()].map((store) => store.renewNow());
    if (results.includes("refused")) return "refused";
    return results.includes("loaded") ? "loaded" : "unchanged";
  }

  /** Idempotent. */
  close(): void {
    for (const store of this.#stores.values()) store.close();
  }
}
