/**
 * The transport of long-poll under core's contract, with a client on the other side that polls over HTTP.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, type Framing, noMetrics, systemClock, type Transport } from "@holdfast/core";
import { type TransportUnderTest, transportContract } from "@holdfast/core/testing";
import { SharedGzip } from "../http/shared-gzip.js";
import { decodeCursor } from "./cursor.js";
import { HttpPoll } from "./http-poll.js";
import { Polls } from "./polls.js";
import { CometSessions } from "./sessions.js";

/** Deadlines come so many times as soon. */
function hurried(times: number): Clock {
  return {
    ...systemClock,
    monotonic: () => systemClock.monotonic() * times,
    every: (ms, run) => systemClock.every(ms / times, run),
  };
}

interface Answer {
  readonly cursor?: string;
  readonly frames: readonly unknown[];
  readonly close?: { readonly code: number; readonly reason: string };
}

/** Polls until it is told to stop. */
class Poller {
  readonly received: string[] = [];
  end: TransportUnderTest["peerEnd"];
  readonly #url: string;
  #abort = new AbortController();
  #state: "polling" | "paused" | "gone" = "polling";
  #cursor: string | undefined;
  #running: Promise<void> | undefined;

  constructor(url: string) {
    this.#url = url;
    this.resume();
  }

  pause(): void {
    if (this.#state === "polling") this.#state = "paused";
  }

  resume(): void {
    if (this.#state !== "gone") this.#state = "polling";
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Polls no more: there is no other goodbye. */
  stop(): void {
    this.#state = "gone";
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    while (this.#state === "polling" && this.end === undefined) {
      try {
        const { signal } = this.#abort;
        const response = await fetch(this.#url, { method: "POST", body: this.#cursor ?? "", signal });
        const answer = (await response.json()) as Answer;
        this.#cursor = answer.cursor;
        for (const frame of answer.frames) this.received.push(frame as string);
        this.end = answer.close;
      } catch {
        this.end ??= {};
      }
    }
  }
}

async function open(compresses: boolean): Promise<TransportUnderTest> {
  // What is compressed takes its client longer to fetch.
  const clock = hurried(compresses ? 4 : 20);
  let transport: Transport | undefined;
  let closedCalls = 0;
  const polls = new Polls(
    {
      open(opened) {
        transport = opened;
        const connection = {
          id: "AAAA0123456789abcdef",
          receive() {},
          alive() {},
          spend: () => true,
          disconnect() {},
          newResumeToken: () => undefined,
          closed: () => closedCalls++,
        };
        return connection as unknown as ReturnType<ConstructorParameters<typeof Polls>[0]["open"]>;
      },
      isTokenOf: () => false,
    },
    new CometSessions(),
    { holdMs: 20_000, graceMs: 5_000 },
    clock,
    compresses ? new SharedGzip(clock, noMetrics) : undefined,
  );
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => {
      const poll = new HttpPoll(response, {}, { state: "open" });
      const cursor = body === "" ? undefined : decodeCursor(body, 10);
      const asked = { cursor, channels: undefined, commands: [] };
      if (polls.goOn(asked, poll) === "held") return;
      if (cursor === undefined) polls.open(asked, undefined, poll);
      else response.writeHead(404).end("{}");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const peer = new Poller(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  while (transport === undefined) await new Promise((resolve) => setImmediate(resolve));
  const opened: Transport = transport;
  return {
    // Messages are JSON on this wire: the contract's texts are not.
    transport: Object.create(opened, {
      framing: { value: { frame: (text: string) => elementOf(opened.framing, text) } },
      bufferedBytes: { get: () => opened.bufferedBytes },
      ...Object.fromEntries(
        (["write", "ping", "close", "terminate"] as const).map((name) => [
          name,
          { value: (opened[name] as (...given: unknown[]) => void).bind(opened) },
        ]),
      ),
    }) as Transport,
    get closedCalls() {
      return closedCalls;
    },
    received: peer.received,
    get peerEnd() {
      return peer.end;
    },
    pausePeer: () => peer.pause(),
    resumePeer: () => peer.resume(),
    closePeer: () => peer.stop(),
    destroyPeer: () => peer.stop(),
    async dispose() {
      peer.stop();
      opened.terminate();
      polls.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** As in a batch that many are given, whatever its length. */
function elementOf(framing: Framing, text: string): Uint8Array {
  const message = { said: JSON.stringify(text), at: undefined };
  return framing.frameAll?.([message], 1) ?? framing.frame(message.said);
}

transportContract("the transport of long-poll", () => open(false));
transportContract("the transport of long-poll with compression", () => open(true));
