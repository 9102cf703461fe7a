/**
 * Events that wait for Redis, oldest first.
 *
 * Bounded by number and bytes: what comes beyond that pushes the oldest out. What was taken and could not be
 * passed on is put back in front, where it counts like all the rest.
 */

export interface QueuedEvent {
  /** Names and values. */
  readonly fields: readonly string[];
  readonly bytes: number;
  /** Called once when it was passed on (without a problem) or refused. Undefined where no caller waits. */
  readonly settle: ((problem?: Error) => void) | undefined;
}

export class EventQueue {
  readonly #maxEvents: number;
  readonly #maxBytes: number;
  #events: QueuedEvent[] = [];
  /** Where the oldest is: those before it are gone. */
  #first = 0;
  #bytes = 0;

  constructor(maxEvents: number, maxBytes: number) {
    this.#maxEvents = maxEvents;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#events.length - this.#first;
  }

  /** Adds one at the end; returns those that had to go for it. */
  push(event: QueuedEvent): readonly QueuedEvent[] {
    this.#events.push(event);
    this.#bytes += event.bytes;
    return this.#trim();
  }

  /** Takes the oldest: at most so many, of so many bytes, one beyond. */
  take(maxEvents: number, maxBytes: number): QueuedEvent[] {
    const taken: QueuedEvent[] = [];
    for (let bytes = 0; taken.length < maxEvents && bytes < maxBytes && this.size > 0; ) {
      const event = this.#shift();
      bytes += event.bytes;
      taken.push(event);
    }
    return taken;
  }

  /** Puts back what was taken last; returns those for which there is no room any more. */
  putBack(events: readonly QueuedEvent[]): readonly QueuedEvent[] {
    this.#events = [...events, ...this.#events.slice(this.#first)];
    this.#first = 0;
    for (const { bytes } of events) this.#bytes += bytes;
    return this.#trim();
  }

  /** Takes out those for which a caller waits. */
  takeAwaited(): QueuedEvent[] {
    const left = this.#events.slice(this.#first);
    const awaited = left.filter(({ settle }) => settle !== undefined);
    this.#events = awaited.length === 0 ? left : left.filter(({ settle }) => settle === undefined);
    this.#first = 0;
    for (const { bytes } of awaited) this.#bytes -= bytes;
    return awaited;
  }

  #trim(): readonly QueuedEvent[] {
    if (this.size <= this.#maxEvents && this.#bytes <= this.#maxBytes) return NONE;
    const gone: QueuedEvent[] = [];
    while (this.size > this.#maxEvents || this.#bytes > this.#maxBytes) gone.push(this.#shift());
    return gone;
  }

  #shift(): QueuedEvent {
    const event = this.#events[this.#first++] as QueuedEvent;
    this.#bytes -= event.bytes;
    // Now and then, so that it costs nothing for each.
    if (this.#first * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#first);
      this.#first = 0;
    }
    return event;
  }
}

const NONE: readonly QueuedEvent[] = Object.freeze([]);
