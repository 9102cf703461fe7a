/**
 * Listens to channels with the SDK: from a position, with some of their past, and again after each loss of
 * the link.
 *
 * The first connection must succeed: a wrong address is a mistake at the keyboard, while a gateway that was
 * there will be there again. Invariant: publications are handed over one at a time and in order.
 */
import { Client, type ClientState, type HoldfastError, type Position } from "@holdfast/client";
import { Failure } from "../failure.js";
import { maskedUrl } from "../masked-url.js";
import { listenSocket, SocketWatch } from "./listen-socket.js";

export interface ListenerOptions {
  /** `ws://host:port/ws`, or `http://host:port`. */
  readonly url: string;
  readonly channels: readonly string[];
  readonly token: string | undefined;
  /** Begins after it; for one channel. */
  readonly since: Position | undefined;
  /** Publications of each channel's past that come first. */
  readonly history: number;
  /** Ends the listening. */
  readonly signal: AbortSignal;
}

export interface Heard {
  /** Undefined for a broadcast. */
  readonly channel: string | undefined;
  /** Where the channel keeps history. */
  readonly position: Position | undefined;
  /** JSON text, as it was published. */
  readonly data: string;
}

export interface ListenEvents {
  publication(heard: Heard): Promise<void>;
  /** The link came or went, in words. */
  status(message: string): void;
}

/** Codes of what a better token would change. */
const OF_TOKENS = [101, 102, 116, 117, 118, 119, 120, 121, 122, 3502, 3503];

/** Resolves when `signal` aborts; rejects with a `Failure` when listening is impossible. */
export async function listen(options: ListenerOptions, events: ListenEvents): Promise<void> {
  const { signal, token } = options;
  if (signal.aborted) return;
  const url = listenUrl(options.url);
  const watch = new SocketWatch();
  const WebSocket = listenSocket(watch, `${url.protocol}//${url.host}`);
  const client = new Client(url, {
    WebSocket,
    transports: ["websocket"],
    name: "holdfast-cli",
    ...(token !== undefined && { token }),
  });
  try {
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
      new Listening(client, watch, options, events, reject).start(url);
    });
  } finally {
    client.close();
  }
}

class Listening {
  readonly #client: Client;
  readonly #watch: SocketWatch;
  readonly #options: ListenerOptions;
  readonly #events: ListenEvents;
  readonly #fail: (failure: Error) => void;
  /** Channels whose subscription is not there yet, or again. */
  readonly #awaited = new Set<string>();
  #printed: Promise<void> = Promise.resolve();
  #everConnected = false;

  constructor(
    client: Client,
    watch: SocketWatch,
    options: ListenerOptions,
    events: ListenEvents,
    fail: (failure: Error) => void,
  ) {
    this.#client = client;
    this.#watch = watch;
    this.#options = options;
    this.#events = events;
    this.#fail = fail;
  }

  start(url: URL): void {
    const { channels, history, since, signal } = this.#options;
    const where = `${url.protocol}//${url.host}`;
    this.#client.on("state", (state) => this.#state(state, where));
    this.#client.on("broadcast", (data) =>
      this.#hear({ channel: undefined, position: undefined, data: String(data) }),
    );
    for (const channel of channels) this.#awaited.add(channel);
    if (history === 0) for (const channel of channels) this.#subscribe(channel, since, where);
    this.#client
      .connect()
      .then(async () => {
        if (history === 0) return;
        for (const channel of channels) {
          const position = await this.#past(channel, history);
          if (!signal.aborted) this.#subscribe(channel, position, where);
        }
      })
      .catch((error: unknown) => this.#refused(error as HoldfastError));
  }

  /** Hands over the newest publications, oldest first, and returns where they end. */
  async #past(channel: string, limit: number): Promise<Position> {
    const { publications, offset, epoch } = await this.#client.history<string>(channel, {
      limit,
      reverse: true,
    });
    for (const each of [...publications].reverse()) {
      const position = each.offset === undefined ? undefined : { offset: each.offset, epoch };
      this.#hear({ channel, position, data: each.data });
    }
    return { offset, epoch };
  }

  #subscribe(channel: string, since: Position | undefined, where: string): void {
    const subscription = this.#client.subscribe<string>(
      channel,
      ({ data }) => this.#hear({ channel, position: subscription.position, data }),
      since === undefined ? {} : { since },
    );
    subscription.on("subscribed", () => {
      this.#everConnected = true;
      if (this.#awaited.delete(channel) && this.#awaited.size === 0)
        this.#events.status(`listening at ${where}`);
    });
    subscription.on("gap", ({ reason }) =>
      this.#events.status(`${channel}: publications were missed and cannot be had any more (${reason})`),
    );
    subscription.on("error", (error) => {
      if (error.temporary) this.#events.status(`${channel}: ${error.message}; it is asked again`);
      else this.#refused(error, channel);
    });
  }

  #hear(heard: Heard): void {
    const { signal } = this.#options;
    this.#printed = this.#printed
      .then(() => (signal.aborted ? undefined : this.#events.publication(heard)))
      .catch(this.#fail);
    this.#watch.hold(this.#printed);
  }

  #state(state: ClientState, where: string): void {
    if (state.name === "connected") {
      this.#everConnected = true;
      return;
    }
    if (state.name !== "waiting" && !(state.name === "closed" && state.by === "server")) return;
    const why = this.#watch.why ?? `${where} closed the connection (${state.code} ${state.reason})`;
    if (state.name === "closed" || this.#watch.refused || !this.#everConnected) {
      return this.#fail(new Failure(`${why}${tokenHint(state.code)}`));
    }
    for (const channel of this.#options.channels) this.#awaited.add(channel);
    const seconds = Math.max(0, state.retryAt - Date.now()) / 1000;
    this.#events.status(`${why}; trying again in ${seconds.toFixed(1)} s`);
  }

  #refused({ code, name, message, temporary }: HoldfastError, channel = ""): void {
    // A loss while the past was asked for: the state says why.
    if (temporary && !this.#everConnected) return;
    const what = channel === "" ? "" : `${channel}: `;
    this.#fail(new Failure(`${what}${message} (${name})${tokenHint(code)}`));
  }
}

function tokenHint(code: number): string {
  return OF_TOKENS.includes(code) ? ": name a token that allows it with --token or HOLDFAST_TOKEN" : "";
}

/** The address of the WebSocket. */
export function listenUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(?:ws|http)s?:$/.test(url.protocol)) {
    throw new Failure(
      `--url must be a URL such as ws://127.0.0.1:8080/ws, not ${JSON.stringify(maskedUrl(text))}`,
      2,
    );
  }
  url.protocol = url.protocol.replace("http", "ws");
  if (url.pathname === "/") url.pathname = "/ws";
  url.hash = "";
  url.searchParams.delete("channels");
  return url;
}
