/**
 * Listens to channels over one plain WebSocket after the other: comes back after it was sent away.
 *
 * Keeps to the protocol's backoff and to what the server says about coming back. The first connection must succeed: a
 * wrong address is a mistake at the keyboard, while a gateway that was there will be there again.
 * Invariant: one attempt in flight.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { BACKOFF_DEFAULTS, backoffDelay } from "@holdfast/protocol";
import { Failure } from "./failure.js";
import { type LinkEvents, ListenLink } from "./listen-link.js";

export interface ListenerOptions {
  /** `ws://host:port/ws` */
  readonly url: string;
  readonly channels: readonly string[];
  /** Ends the listening. */
  readonly signal: AbortSignal;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Resolves when `signal` aborts; rejects with a `Failure` when listening is impossible. */
export async function listen(options: ListenerOptions, events: LinkEvents): Promise<void> {
  const { signal, random } = options;
  const url = listenUrl(options);
  let attempt = 0;
  let everConnected = false;
  while (!signal.aborted) {
    const link = new ListenLink(url, events);
    const abort = (): void => link.close();
    signal.addEventListener("abort", abort, { once: true });
    const ending = await link.ended;
    signal.removeEventListener("abort", abort);
    if (signal.aborted) return;
    everConnected ||= ending.connectedMs > 0;
    if (!ending.again || !everConnected) throw new Failure(ending.why);
    if (ending.connectedMs >= BACKOFF_DEFAULTS.stableAfterMs) attempt = 0;
    const delayMs = backoffDelay(attempt++, random(), ending.notBeforeMs);
    events.status(`${ending.why}; trying again in ${(delayMs / 1000).toFixed(1)} s`);
    await sleep(delayMs, undefined, { signal }).catch(() => {});
  }
}

/** The URL that subscribes without a command. */
export function listenUrl({ url, channels }: Pick<ListenerOptions, "url" | "channels">): URL {
  if (!URL.canParse(url) || !/^wss?:$/.test(new URL(url).protocol)) {
    throw new Failure(`--url must be a URL such as ws://127.0.0.1:8080/ws, not ${JSON.stringify(url)}`, 2);
  }
  const target = new URL(url);
  target.hash = "";
  // Commas separate channels before decoding, so each name is encoded by itself.
  const query = `channels=${channels.map(encodeURIComponent).join(",")}`;
  target.search = target.search === "" ? query : `${target.search.slice(1)}&${query}`;
  return target;
}
