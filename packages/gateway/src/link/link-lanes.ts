/**
 * The lanes of a link: lines that wait until the stream has taken what it was given.
 *
 * Urgent lines go first. Pages and the rest share what is left, counted in characters: so a publication waits
 * behind one page at most, however many clients read, and pages go on, however much is published.
 * Invariant: within a lane the order is that of `add`.
 */
import { Fifo } from "../runtime/fifo.js";

export type Lane = "urgent" | "rest" | "pages";

export class LinkLanes {
  readonly #lanes: Readonly<Record<Lane, Fifo<string>>> = {
    urgent: new Fifo(),
    rest: new Fifo(),
    pages: new Fifo(),
  };
  /** How many characters pages have had more than the rest since both wait. */
  #lead = 0;
  #length = 0;

  /** Characters that wait. */
  get length(): number {
    return this.#length;
  }

  add(lane: Lane, line: string): void {
    this.#lanes[lane].push(line);
    this.#length += line.length;
  }

  /** Takes the lines that go next, joined, until they have so many characters or more. */
  take(characters: number): string {
    let text = "";
    for (let line = this.#next(); line !== undefined; line = this.#next()) {
      text += line;
      if (text.length >= characters) break;
    }
    return text;
  }

  #next(): string | undefined {
    const lane = this.#nextLane();
    const line = this.#lanes[lane].shift();
    if (line === undefined) return undefined;
    this.#length -= line.length;
    if (lane === "pages") this.#lead += line.length;
    else if (lane === "rest") this.#lead -= line.length;
    return line;
  }

  clear(): void {
    for (const lane of Object.values(this.#lanes)) lane.drain();
    this.#length = 0;
  }

  #nextLane(): Lane {
    const { urgent, rest, pages } = this.#lanes;
    if (urgent.length > 0) return "urgent";
    if (rest.length > 0 && pages.length > 0) return this.#lead < 0 ? "pages" : "rest";
    this.#lead = 0;
    return pages.length > 0 ? "pages" : "rest";
  }
}
