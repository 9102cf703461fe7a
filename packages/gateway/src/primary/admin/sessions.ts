/**
 * Sessions of operators at the admin port: what a browser has after its operator signed in with a key.
 *
 * A session is a signature over its role and its end, made with a key that is derived from the admin keys.
 * Invariants: no session is kept here, so that every instance with the same keys takes it; another key ends
 * all sessions; wrong keys are looked at no faster than `ATTEMPTS_PER_SECOND`.
 */
import { createHmac } from "node:crypto";
import type { Clock } from "@holdfast/core";
import { TokenBucket } from "../../runtime/token-bucket.js";
import { isSame } from "./same-text.js";

/** `admin` may do everything, `read` may only look. */
export type AdminRole = "admin" | "read";

export interface AdminKeys {
  readonly key: string | undefined;
  /** Only reads. */
  readonly readKey?: string | undefined;
}

export interface SignedIn {
  readonly role: AdminRole;
  /** The header `Set-Cookie`. */
  readonly cookie: string;
}

const COOKIE = "holdfast_admin";
const LIFE_SECONDS = 12 * 60 * 60;
/** A guess at a key of 16 characters is then hopeless, and an operator who mistypes is not locked out. */
const ATTEMPTS_PER_SECOND = 1;
const PURPOSE = "holdfast admin session 1";

export class AdminSessions {
  readonly #keys: AdminKeys;
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  readonly #attempts: TokenBucket;
  readonly #refused: () => void;
  readonly #speaksTls: boolean;

  /**
   * `refused` is told of each sign-in that was one too many. `speaksTls`: whether the port does; then a
   * browser is told to send its cookie over TLS only, whatever it asks for.
   */
  constructor(
    keys: AdminKeys,
    clock: Pick<Clock, "now" | "monotonic">,
    refused: () => void = () => {},
    speaksTls = false,
  ) {
    this.#speaksTls = speaksTls;
    this.#refused = refused;
    this.#keys = keys;
    this.#clock = clock;
    this.#attempts = new TokenBucket(ATTEMPTS_PER_SECOND, clock.monotonic());
  }

  /** `secure`: the browser is to send the cookie over TLS only. */
  signIn(key: string, secure: boolean): SignedIn | "wrong" | "too-many" {
    const now = this.#clock.monotonic();
    if (!this.#attempts.has(now)) {
      this.#refused();
      return "too-many";
    }
    const role = this.roleOfKey(key);
    if (role === undefined) {
      this.#attempts.take(now);
      return "wrong";
    }
    const value = this.#signed(role, Math.floor(this.#clock.now() / 1000) + LIFE_SECONDS);
    return { role, cookie: cookieText(value, LIFE_SECONDS, secure || this.#speaksTls) };
  }

  /** What a key is good for; compared in constant time. */
  roleOfKey(presented: string): AdminRole | undefined {
    const { key, readKey } = this.#keys;
    if (key !== undefined && isSame(presented, key)) return "admin";
    return readKey !== undefined && isSame(presented, readKey) ? "read" : undefined;
  }

  /** The role of the session that the header `Cookie` names, while it lasts. */
  roleOfCookie(header: string | undefined): AdminRole | undefined {
    if (this.#keys.key === undefined || header === undefined) return undefined;
    const pair = header.split(";").find((each) => each.trim().startsWith(`${COOKIE}=`));
    const value = pair?.trim().slice(COOKIE.length + 1) ?? "";
    const [, role, end] = /^(admin|read)\.(\d{1,12})\.[\w-]{43}$/.exec(value) ?? [];
    if (role === undefined || Number(end) * 1000 <= this.#clock.now()) return undefined;
    return isSame(value, this.#signed(role as AdminRole, Number(end))) ? (role as AdminRole) : undefined;
  }

  #signed(role: AdminRole, end: number): string {
    const { key = "", readKey = "" } = this.#keys;
    const secret = createHmac("sha256", key)
      .update(`${PURPOSE}\0${role === "read" ? readKey : ""}`)
      .digest();
    const text = `${role}.${end}`;
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  }
}

/** The header that makes a browser forget its session. */
export const FORGET: string = cookieText("", 0, false);

function cookieText(value: string, seconds: number, secure: boolean): string {
  const attributes = `Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure ? "; Secure" : ""}`;
  return `${COOKIE}=${value}; ${attributes}`;
}
