/**
 * What a process needs to shake hands on a port: certificates with their keys, and the keys of session
 * tickets.
 *
 * Travels as JSON from the primary, which alone reads the files, to its workers. Never logged. Invariant: all
 * workers of an instance have the same ticket keys, so that a client that returns to another worker resumes
 * its TLS session there.
 */
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { type CertificatePair, namesIn } from "./certificate.js";

export type TlsVersion = "1.2" | "1.3";

export interface TlsMaterial {
  /** At least one; the first is for clients that ask for no name, or for one that none has. */
  readonly pairs: readonly CertificatePair[];
  /** Older versions are refused. */
  readonly minVersion: TlsVersion;
  /** 48 bytes in base64. */
  readonly ticketKeys: string;
}

/** The same on all workers: a session is resumed only under the name it was made under. */
const SESSION_CONTEXT = "holdfast";

/** What the first pair is served with. */
export function contextOptions({ pairs, minVersion, ticketKeys }: TlsMaterial): SecureContextOptions {
  const [first] = pairs;
  return {
    cert: first?.cert,
    key: first?.key,
    minVersion: `TLSv${minVersion}`,
    ticketKeys: Buffer.from(ticketKeys, "base64"),
    sessionIdContext: SESSION_CONTEXT,
  };
}

/** The certificates of a port by the names that clients ask for (SNI). */
export class NamedContexts {
  readonly #byName = new Map<string, SecureContext>();

  constructor(material: TlsMaterial) {
    for (const pair of material.pairs) {
      const context = createSecureContext(contextOptions({ ...material, pairs: [pair] }));
      for (const name of namesIn(pair)) if (!this.#byName.has(name)) this.#byName.set(name, context);
    }
  }

  /** Undefined: none has that name. `*.example.com` is for one label more. */
  find(name: string): SecureContext | undefined {
    const lower = name.toLowerCase();
    const dot = lower.indexOf(".");
    return this.#byName.get(lower) ?? (dot > 0 ? this.#byName.get(`*${lower.slice(dot)}`) : undefined);
  }
}
