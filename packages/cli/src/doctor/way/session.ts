/**
 * A session through the public URL that says nothing: whether it is answered, and whether it outlives the
 * silence up to its ping.
 *
 * Owns one WebSocket. Invariant: it is gone when the facts are there.
 */
import { known, type OutsideFacts, type SilenceFacts, unknown } from "@holdfast/doctor";
import { SUBPROTOCOL } from "@holdfast/protocol";
import { WebSocket } from "ws";
import { sentence } from "../../failure.js";
import type { WayOptions } from "./public-url.js";
import { TIMEOUT_MS } from "./request.js";

type SessionFacts = Pick<OutsideFacts, "connect" | "idle">;

/** The longest wait for two pings, in ping intervals and, beside them, ms. */
const LONGEST_INTERVALS = 3;
const SPARE_MS = 2000;
/** A silence shorter than this share of the interval says nothing about the way. */
const WHOLE_SHARE = 0.9;
const PONG = "{}";
const PROGRESS_MS = 1000;
const MAX_PAYLOAD = 64 * 1024;

export async function readSession(options: WayOptions): Promise<SessionFacts> {
  const { url } = options;
  const socket = new WebSocket(url, SUBPROTOCOL, {
    handshakeTimeout: TIMEOUT_MS,
    maxPayload: MAX_PAYLOAD,
    rejectUnauthorized: false,
  });
  const frames = new Frames(socket);
  try {
    return await tried(frames, socket, options);
  } catch (error) {
    const why = unknown(`no session through the public URL (${sentence(error)})`);
    return { connect: why, idle: why };
  } finally {
    socket.terminate();
  }
}

/** Rejects where no WebSocket opened. */
async function tried(frames: Frames, socket: WebSocket, options: WayOptions): Promise<SessionFacts> {
  const { token } = options;
  await frames.opened();
  socket.send(JSON.stringify({ id: 1, connect: token === undefined ? {} : { token } }));
  const frame = await frames.next(TIMEOUT_MS).catch((error: unknown) => `(${sentence(error)})`);
  const pingMs = pingOf(frame);
  if (pingMs !== undefined)
    return { connect: known({ pingMs }), idle: await silence(frames, pingMs, options) };
  return { connect: known({ error: errorOf(frame) }), idle: unknown("`connect` is not answered (HF-O013)") };
}

/**
 * Waits for pings without a word. The first ping comes at any moment of its interval: where it comes early it
 * is answered, and the silence from there to the next ping is the one that counts.
 */
async function silence(frames: Frames, pingMs: number, options: WayOptions): Promise<OutsideFacts["idle"]> {
  const longest = LONGEST_INTERVALS * pingMs + SPARE_MS;
  if (longest > options.silenceMs)
    return unknown(
      `two pings, one every ${pingMs / 1000} s, are waited for up to ${longest / 1000} s: say --wait ${Math.ceil(longest / 1000)}s`,
    );
  const begun = performance.now();
  const tell = (): void =>
    options.onProgress(
      `waiting in silence for a ping: ${Math.round((performance.now() - begun) / 1000)} of ${Math.round(longest / 1000)} s`,
    );
  tell();
  const timer = setInterval(tell, PROGRESS_MS);
  try {
    const first = await silenceToPing(frames, pingMs, options);
    const isEarly = first.isPinged && first.livedMs < WHOLE_SHARE * pingMs;
    if (isEarly) frames.send(PONG);
    return known(isEarly ? await silenceToPing(frames, pingMs, options) : first);
  } catch (error) {
    if (options.signal.aborted) return unknown("interrupted before the ping");
    return unknown(`no ping came (${sentence(error)})`);
  } finally {
    clearInterval(timer);
  }
}

/** Rejects where nothing came, and the connection lives. */
async function silenceToPing(frames: Frames, pingMs: number, { signal }: WayOptions): Promise<SilenceFacts> {
  const begun = performance.now();
  const isPinged = await frames.next(1.5 * pingMs + SPARE_MS / 2, signal).then(isPing, (error: unknown) => {
    if (frames.isClosed && !signal.aborted) return false;
    throw error;
  });
  return { pingMs, livedMs: performance.now() - begun, isPinged };
}

/** The messages of a socket, one at a time. */
class Frames {
  readonly #socket: WebSocket;
  readonly #arrived: string[] = [];
  #end: Error | undefined;
  #wake: () => void = () => {};

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => {
      this.#arrived.push(String(data));
      this.#wake();
    });
    socket.on("error", (error) => this.#ended(error));
    socket.on("close", (code) => this.#ended(new Error(`closed with ${code}`)));
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  get isClosed(): boolean {
    return this.#end !== undefined;
  }

  async opened(): Promise<void> {
    while (this.#socket.readyState === WebSocket.CONNECTING) {
      if (this.#end !== undefined) throw this.#end;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#socket.once("open", resolve);
      });
    }
    if (this.#end !== undefined) throw this.#end;
  }

  async next(ms: number, signal?: AbortSignal): Promise<string> {
    const until = performance.now() + ms;
    for (;;) {
      const frame = this.#arrived.shift();
      if (frame !== undefined) return frame;
      if (this.#end !== undefined) throw this.#end;
      if (signal?.aborted) throw new Error("interrupted");
      const left = until - performance.now();
      if (left <= 0) throw new Error(`no frame within ${ms / 1000} s`);
      await this.#waited(left, signal);
    }
  }

  #waited(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", this.#wake);
        resolve();
      };
      signal?.addEventListener("abort", this.#wake, { once: true });
    });
  }

  #ended(error: Error): void {
    this.#end ??= error;
    this.#wake();
  }
}

function pingOf(frame: string): number | undefined {
  const ping = parsed(frame)?.connect?.ping;
  return typeof ping === "number" && ping > 0 ? ping : undefined;
}

function errorOf(frame: string): string {
  const error = parsed(frame)?.error;
  return typeof error?.name === "string" ? error.name : `not an answer to connect: ${frame.slice(0, 100)}`;
}

function isPing(frame: string): boolean {
  return frame.trim() === "{}";
}

interface Reply {
  readonly connect?: { readonly ping?: unknown };
  readonly error?: { readonly name?: unknown };
}

function parsed(frame: string): Reply | undefined {
  try {
    return JSON.parse(frame.split("\n")[0] ?? "") as Reply;
  } catch {
    return undefined;
  }
}
