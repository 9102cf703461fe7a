/**
 * The key that a controller and its hosts share: it proves each to the other, and encrypts what they say.
 *
 * TLS 1.2 with a pre-shared key (RFC 4279) and fresh Diffie-Hellman keys, so that no certificate is needed
 * and a key that leaks later opens no recording. Invariant: without the key no message is read.
 */
import { createHash } from "node:crypto";
import { connect, type TLSSocket, type TlsOptions } from "node:tls";
import { SwarmProblem } from "../problem.js";

const CIPHERS = "ECDHE-PSK-CHACHA20-POLY1305";
const IDENTITY = "holdfast-swarm";
const MIN_KEY_LENGTH = 16;
const MAX_KEY_LENGTH = 1_024;
const CONNECT_TIMEOUT_MS = 10_000;
const COMMON = Object.freeze({ ciphers: CIPHERS, minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const);

/** Throws a `SwarmProblem` that says what the key must be. It does not show the key. */
export function checkSwarmKey(key: string): string {
  if (key.length >= MIN_KEY_LENGTH && key.length <= MAX_KEY_LENGTH) return key;
  throw new SwarmProblem(
    "wrong",
    `the key of the swarm must have ${MIN_KEY_LENGTH} to ${MAX_KEY_LENGTH} characters, this one has ${key.length}: make one with \`openssl rand -hex 32\``,
  );
}

/** What a host's server needs. */
export function serverKeyOptions(key: string): TlsOptions {
  const psk = pskOf(key);
  return { ...COMMON, pskCallback: (_socket, identity) => (identity === IDENTITY ? psk : null) };
}

/** An encrypted connection to a host. Rejects with a `SwarmProblem` that says what to do. */
export function connectWithKey(host: string, port: number, key: string): Promise<TLSSocket> {
  const psk = pskOf(key);
  const where = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...COMMON,
      host,
      port,
      pskCallback: () => ({ psk, identity: IDENTITY }),
      // The key is the proof; there is no certificate with a name in it.
      checkServerIdentity: () => undefined,
    });
    const fail = (why: string): void => {
      socket.destroy();
      reject(new SwarmProblem("failed", `the agent at ${where}: ${why}`));
    };
    const timer = setTimeout(() => fail(`no answer in ${CONNECT_TIMEOUT_MS / 1000} s`), CONNECT_TIMEOUT_MS);
    socket.once("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(reasonOf(error));
    });
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

function reasonOf({ code = "", message }: NodeJS.ErrnoException): string {
  if (/BAD_RECORD_MAC|DECRYPT|UNKNOWN_PSK|HANDSHAKE_FAILURE/.test(code)) {
    return "its key is another one: give both the same with HOLDFAST_SWARM_KEY or --key-file";
  }
  if (/^ERR_SSL|EPROTO/.test(code)) return "what listens there is no `holdfast swarm agent`";
  if (code === "ECONNREFUSED") return "nothing listens there: start `holdfast swarm agent` on that machine";
  if (/^(ENOTFOUND|EAI_)/.test(code)) return `no machine of that name is known (${code})`;
  return code === "" ? message : code;
}

function pskOf(key: string): Buffer {
  return createHash("sha256").update(`holdfast swarm\n${key}`).digest();
}
