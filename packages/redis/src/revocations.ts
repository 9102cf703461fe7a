/**
 * The revocations on Redis: a sorted set by their ends, over the connection.
 *
 * Three keys of one Cluster slot, which expire with their last member. A subject is any text, so none is part
 * of a key's name; a spent ticket is named by its digest. Invariant: a reply that is not understood is an
 * error, never an empty list.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  CONTROL,
  MAX_REVOCATIONS_PER_CALL,
  type Revocation,
  type RevocationPage,
  type RevocationStore,
  RevocationsFull,
  type Subject,
} from "@holdfast/core";
import { SCRIPTS } from "./connection/script.js";
import type { ScriptHost } from "./connection/script-host.js";
import type { RedisKeys } from "./keys.js";

const VERSION_BYTES = 9;

export class RedisRevocations implements RevocationStore {
  readonly #host: ScriptHost;
  readonly #keys: RedisKeys;
  readonly #maxRevocations: number;

  constructor(host: ScriptHost, keys: RedisKeys, maxRevocations: number) {
    this.#host = host;
    this.#keys = keys;
    this.#maxRevocations = maxRevocations;
  }

  async add(revocations: readonly Revocation[]): Promise<void> {
    // Not a count, which could come round again when Redis has lost its data.
    const version = randomBytes(VERSION_BYTES).toString("base64url");
    const kept = await this.#host.ask(
      {
        script: SCRIPTS.revoke,
        keys: this.#keys.revocations,
        args: [
          this.#keys.channel(CONTROL),
          version,
          String(this.#maxRevocations),
          ...revocations.flatMap(({ subject, at, until }) => [subject, String(at), String(until)]),
        ],
      },
      (reply) => (reply === 1 || reply === 0 ? reply : misunderstood()),
    );
    if (kept === 0) throw new RevocationsFull(this.#maxRevocations);
  }

  list(from: number, known?: string): Promise<RevocationPage> {
    return this.#host.ask(
      {
        script: SCRIPTS.revoked,
        keys: this.#keys.revocations,
        // No version is one space.
        args: [known ?? " ", String(from), String(MAX_REVOCATIONS_PER_CALL)],
      },
      pageOf,
    );
  }

  spend(id: string, forMs: number): Promise<boolean> {
    const digest = createHash("sha256").update(id).digest("base64url");
    return this.#host.ask(
      { script: SCRIPTS.spend, keys: [this.#keys.spent(digest)], args: [String(forMs)] },
      (reply) => (reply === 1 || reply === 0 ? reply === 1 : misunderstood()),
    );
  }
}

function pageOf(reply: unknown): RevocationPage {
  const [version, page] = Array.isArray(reply) ? reply : misunderstood();
  if (typeof version !== "string" || !Array.isArray(page)) return misunderstood();
  const revocations: Revocation[] = [];
  for (let at = 0; at < page.length; at += 3) {
    const [subject, until, since] = page.slice(at, at + 3).map(String);
    if (subject === undefined || !isSubject(subject)) return misunderstood();
    revocations.push({ subject, at: numberOf(since), until: numberOf(until) });
  }
  return { version, revocations };
}

function isSubject(text: string): text is Subject {
  return /^(user|token|session):./s.test(text);
}

function numberOf(text: string | undefined): number {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : misunderstood();
}

function misunderstood(): never {
  throw new Error("Redis holds something else than revocations under their names");
}
