/**
 * Thousands of clients that count what they get.
 *
 * Bare sockets, so that one process can hold them; a process may open about 20,000 files, hence the limit.
 */
import { within } from "./deadline.js";
import { RawSocket } from "./raw-socket.js";

const MAX_CLIENTS = 15_000;
/** Handshakes on their way at once. */
const IN_FLIGHT = 64;

export class ManyClients {
  readonly sockets: readonly RawSocket[];

  private constructor(sockets: readonly RawSocket[]) {
    this.sockets = sockets;
  }

  /** Opens `count` clients at `url`, which names channels, and takes their welcomes. */
  static async open(count: number, url: (index: number) => string): Promise<ManyClients> {
    if (count > MAX_CLIENTS) throw new RangeError(`one process holds ${MAX_CLIENTS} clients`);
    const sockets: RawSocket[] = new Array(count);
    let next = 0;
    const opener = async (): Promise<void> => {
      while (next < count) {
        const index = next++;
        sockets[index] = await RawSocket.open(url(index));
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, opener));
    const clients = new ManyClients(sockets);
    await clients.#each((messages) => messages.length > 0, "a welcome");
    return clients;
  }

  get sids(): readonly string[] {
    return this.sockets.map(({ messages }) => JSON.parse(messages[0] ?? "").connect.sid as string);
  }

  /** Waits until every client has a message that contains `marker`. */
  async all(marker: string): Promise<void> {
    await this.#each((messages) => messages.some((message) => message.includes(marker)), marker);
  }

  /** How many clients got exactly these messages after their welcome, in this order. */
  countExactly(expected: readonly string[]): number {
    const wanted = expected.join("\n");
    return this.sockets.filter(({ messages }) => messages.slice(1).join("\n") === wanted).length;
  }

  close(): void {
    for (const socket of this.sockets) socket?.destroy();
  }

  async #each(has: (messages: readonly string[]) => boolean, what: string): Promise<void> {
    const missing = (): number => this.sockets.filter(({ messages }) => !has(messages)).length;
    const complete = async (): Promise<void> => {
      while (missing() > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await within(complete(), () => `${what} at ${missing()} of ${this.sockets.length} clients`, 60_000);
  }
}
