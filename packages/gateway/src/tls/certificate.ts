/**
 * One certificate with its key, as text: whether a port can be served with them, for which names and how
 * long.
 *
 * Pure: the time is a parameter. Invariants: a problem is a clause that goes on after the file's name, and
 * says what to do; it never repeats what the file holds, which may be a key.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";

/** A chain of certificates, the server's own first, and its private key, both in PEM. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** What is known of a pair that can be served. */
export interface CertificateFacts {
  /** Names that it is for, in lower case, such as `app.example.com` or `*.example.com`. */
  readonly names: readonly string[];
  /** From when on clients refuse it, ms since 1970. */
  readonly expiresAt: number;
}

/** Which of the two files is wrong, and how. */
export interface PairProblem {
  readonly of: "cert" | "key";
  readonly problem: string;
}

const BEGIN_CERTIFICATE = "-----BEGIN CERTIFICATE-----";
const PRIVATE_KEY = /-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/;
/** Of the old form of PEM, where the key itself says that it is encrypted. */
const OLD_ENCRYPTED = /^Proc-Type: *4,ENCRYPTED/m;
const ENCRYPTED =
  "is encrypted with a passphrase, and nobody is there to type it: write it without one, " +
  "with `openssl pkey -in <file> -out <new file>`, and let only the gateway's user read it";

/** `now`: ms since 1970. */
export function examinePair(pair: CertificatePair, now: number): CertificateFacts | PairProblem {
  const certificate = readCertificate(pair.cert);
  if ("problem" in certificate) return certificate;
  const key = readKey(pair.key);
  if ("problem" in key) return key;
  if (!certificate.checkPrivateKey(key)) {
    const problem =
      "does not belong to its certificate: name the key that the certificate was made for; " +
      "of several, the keys stand in the order of the certificates";
    return { of: "key", problem };
  }
  return examineTimes(certificate, now) ?? examineUse(pair) ?? factsOf(certificate);
}

function readCertificate(text: string): X509Certificate | PairProblem {
  if (!text.includes(BEGIN_CERTIFICATE)) {
    const what = PRIVATE_KEY.test(text) ? "is a private key, and no certificate" : "holds no certificate";
    return { of: "cert", problem: `${what}: name a file in PEM that begins with ${BEGIN_CERTIFICATE}` };
  }
  try {
    return new X509Certificate(text.slice(text.indexOf(BEGIN_CERTIFICATE)));
  } catch (error) {
    return { of: "cert", problem: `holds a certificate that cannot be read (${reasonOf(error)})` };
  }
}

function readKey(text: string): KeyObject | PairProblem {
  const begin = PRIVATE_KEY.exec(text);
  if (begin === null) {
    const what = text.includes(BEGIN_CERTIFICATE) ? "is a certificate, and no key" : "holds no private key";
    return { of: "key", problem: `${what}: name a file in PEM that begins with -----BEGIN PRIVATE KEY-----` };
  }
  if (begin[1] === "ENCRYPTED " || OLD_ENCRYPTED.test(text)) return { of: "key", problem: ENCRYPTED };
  try {
    return createPrivateKey(text);
  } catch (error) {
    return { of: "key", problem: `holds a private key that cannot be read (${reasonOf(error)})` };
  }
}

function examineTimes({ validFrom, validTo }: X509Certificate, now: number): PairProblem | undefined {
  if (Date.parse(validTo) <= now)
    return { of: "cert", problem: `expired on ${dayOf(Date.parse(validTo))}: get a new certificate` };
  if (Date.parse(validFrom) <= now) return undefined;
  const problem = `is not valid before ${dayOf(Date.parse(validFrom))}: look at the clock of this machine`;
  return { of: "cert", problem };
}

/** What OpenSSL refuses: a key that is too short, a signature that is too weak, a chain that is torn. */
function examineUse(pair: CertificatePair): PairProblem | undefined {
  try {
    createSecureContext({ cert: pair.cert, key: pair.key });
    return undefined;
  } catch (error) {
    return { of: "cert", problem: `cannot be served (${reasonOf(error)}): get another certificate` };
  }
}

function factsOf(certificate: X509Certificate): CertificateFacts {
  return { names: namesOf(certificate), expiresAt: Date.parse(certificate.validTo) };
}

/** Names that a pair is for, whatever its times; of one that `examinePair` has found good. */
export function namesIn({ cert }: CertificatePair): readonly string[] {
  const certificate = readCertificate(cert);
  return "problem" in certificate ? [] : namesOf(certificate);
}

function namesOf({ subjectAltName, subject }: X509Certificate): readonly string[] {
  const alternatives = [...(subjectAltName ?? "").matchAll(/DNS:([^,"\s]+)/g)].map(([, name = ""]) => name);
  const common = /^CN=(\S+)$/m.exec(subject)?.[1];
  // RFC 6125 §6.4.4: the common name counts only where there are no others.
  const names = alternatives.length === 0 && common !== undefined ? [common] : alternatives;
  return names.map((name) => name.toLowerCase());
}

/** `2026-11-29`, in UTC. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
