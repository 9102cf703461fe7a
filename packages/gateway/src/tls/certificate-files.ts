/**
 * The files of a port's certificates: which they are, whether they have changed, and what they hold.
 *
 * Invariants: all pairs are good or none is taken; what is no ordinary file, or is larger than a certificate
 * can be, is not read.
 */
import { readFileSync, statSync } from "node:fs";
import { type CertificateFacts, type CertificatePair, examinePair } from "./certificate.js";

/** Where a certificate and its key are: paths. */
export interface PairFiles {
  readonly cert: string;
  readonly key: string;
}

export interface LoadedPairs {
  readonly pairs: readonly CertificatePair[];
  /** Of each pair, in the same order. */
  readonly facts: readonly CertificateFacts[];
}

/** A file that cannot be used. */
export interface FileProblem {
  readonly of: "cert" | "key";
  readonly file: string;
  /** A clause that goes on after the file's name, and says what to do. */
  readonly problem: string;
}

/** A long chain has some 20 KB. */
const MAX_FILE_BYTES = 1024 * 1024;

/** Reads all pairs, at once. `now`: ms since 1970. */
export function loadPairs(files: readonly PairFiles[], now: number): LoadedPairs | FileProblem {
  const pairs: CertificatePair[] = [];
  const facts: CertificateFacts[] = [];
  for (const { cert, key } of files) {
    const texts = { cert: readText(cert), key: readText(key) };
    if (typeof texts.cert !== "string") return { of: "cert", file: cert, ...texts.cert };
    if (typeof texts.key !== "string") return { of: "key", file: key, ...texts.key };
    const pair: CertificatePair = { cert: texts.cert, key: texts.key };
    const examined = examinePair(pair, now);
    if ("problem" in examined)
      return { of: examined.of, file: examined.of === "cert" ? cert : key, problem: examined.problem };
    pairs.push(pair);
    facts.push(examined);
  }
  return { pairs, facts };
}

/** Another text whenever one of the files was replaced or written; equal while none was. */
export function stampOf(files: readonly PairFiles[]): string {
  return files.flatMap(({ cert, key }) => [stampOfFile(cert), stampOfFile(key)]).join(" ");
}

function stampOfFile(path: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(path);
    return `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
  } catch (error) {
    return codeOf(error);
  }
}

function readText(path: string): string | { readonly problem: string } {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return { problem: "is no ordinary file: name a file in PEM" };
    if (stats.size > MAX_FILE_BYTES) return { problem: "is larger than 1 MiB: name a file in PEM" };
    return readFileSync(path, "utf8");
  } catch (error) {
    return { problem: WHY_UNREAD[codeOf(error)] ?? `cannot be read (${codeOf(error)})` };
  }
}

const WHY_UNREAD: Readonly<Record<string, string>> = Object.freeze({
  ENOENT: "is not there: name a file that exists, by a path from the folder of the start or from /",
  EACCES: "may not be read by the gateway's user: change its owner, its group or its mode",
});

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
