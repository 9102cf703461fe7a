/**
 * Many clients of the SDK at once, and what became of each: for tests in which all of them are sent away.
 */
import { Client, type ClientOptions } from "@holdfast/client";
import { ownerOf } from "@holdfast/protocol";
import { WebSocket } from "ws";
import { eventually } from "./deadline.js";

const OPTIONS: ClientOptions = {
  WebSocket: WebSocket as unknown as NonNullable<ClientOptions["WebSocket"]>,
  // Quick to come back: what is tested is the server's part of the wait.
  backoff: { minDelayMs: 50, maxDelayMs: 500 },
};

/** One client, from its first connection on. */
export class CrowdMember {
  readonly client: Client;
  /** How long the server asked it to stay away, at each drain, ms. */
  readonly drains: number[] = [];
  /** Session ids, one for each connection. */
  readonly sids: string[] = [];
  /** What went wrong, a refused handshake for one. */
  readonly problems: string[] = [];
  received = 0;

  constructor(url: string, channel: string) {
    this.client = new Client(url, OPTIONS);
    this.client.on("drain", ({ reconnectAfter }) => this.drains.push(reconnectAfter));
    this.client.on("error", ({ message }) => this.problems.push(message));
    this.client.on("state", (state) => {
      if (state.name === "connected") this.sids.push(state.sid);
    });
    this.client.subscribe(channel, () => {
      this.received++;
    });
  }

  get isConnected(): boolean {
    return this.client.state.name === "connected";
  }

  /** The generation and slot that its connection is at. */
  get owner(): string {
    const owner = ownerOf(this.sids.at(-1) ?? "");
    return `${owner?.slot}:${owner?.generation}`;
  }
}

export class Crowd {
  readonly members: readonly CrowdMember[];

  private constructor(members: readonly CrowdMember[]) {
    this.members = members;
  }

  /** All connected, each to the URL of its number. */
  static async gather(count: number, url: (index: number) => string, channel: string): Promise<Crowd> {
    const members = Array.from({ length: count }, (_, index) => new CrowdMember(url(index), channel));
    const crowd = new Crowd(members);
    await Promise.all(members.map(({ client }) => client.connect()));
    return crowd;
  }

  get connected(): number {
    return this.members.filter(({ isConnected }) => isConnected).length;
  }

  /** Waits until all are connected, to owners other than these. */
  async settled(without: ReadonlySet<string>, ms?: number): Promise<void> {
    const away = (): number =>
      this.members.filter((member) => !member.isConnected || without.has(member.owner)).length;
    await eventually("all clients are back at other workers", () => away() === 0, ms);
  }

  get owners(): ReadonlySet<string> {
    return new Set(this.members.map(({ owner }) => owner));
  }

  close(): void {
    for (const { client } of this.members) client.close();
  }
}
