/**
 * A batch: publications of one topic that are written together, encoded once and framed once.
 *
 * Everything that arrives for a topic between two stretches of fan-out shares one batch, hence one write a
 * subscriber. Invariant: the bytes for an encoding and framing are made at most once, after the last `add`.
 */
import type { Position } from "@holdfast/protocol";
import type { Framing, Message } from "./transport.js";

/**
 * How a connection wants what is pushed to it.
 * - `lines`: frames of the protocol, several to a message, newline-separated (the SDK);
 * - `objects`: frames of the protocol, one to a message (plain clients that named channels in the URL);
 * - `raw`: a publication's data alone, one to a message; other pushes are left out.
 */
export type Encoding = "lines" | "objects" | "raw";

/** Characters of newline-separated frames in one message; a longer batch becomes several messages. */
const MAX_LINES_CHARS = 64 * 1024;

interface Encoded {
  readonly encoding: Encoding;
  readonly framing: Framing;
  readonly bytes: Uint8Array;
}

/** How far a push takes its listeners in the topic's stream. */
export interface Span {
  readonly from: Position;
  readonly to: Position;
}

/** After which number something was missed, and up to which. */
export interface Numbers {
  readonly after: number;
  readonly upTo: number;
}

/** One push of a batch. */
export interface Pushed {
  /** As a frame of the protocol. */
  readonly push: string;
  /** Its data alone, as JSON text; undefined for a push that is no publication. */
  readonly data: string | undefined;
  /** Where it takes who hears it, in the topic's stream, if there is one. */
  readonly to: Position | undefined;
}

export class Batch {
  /** When the first publication arrived, monotonic ms. */
  readonly since: number;
  /** Whose publications these are, unless they are for a user or for everybody. */
  readonly channel: string | undefined;
  /**
   * Where the topic's stream stood before the batch: who hears the batch needs nothing but what lies before
   * this.
   */
  base: Position | undefined;
  /** Where it stands after the batch. */
  end: Position | undefined;
  /** Whose numbers its pushes have; written by that conflation alone. */
  conflated: { readonly by: object; readonly numbers: Numbers } | undefined;
  readonly #pushed: Pushed[] = [];
  readonly #encoded: Encoded[] = [];
  #chars = 0;

  constructor(since: number, channel?: string) {
    this.since = since;
    this.channel = channel;
  }

  /** Publications in the batch. */
  get size(): number {
    return this.#pushed.length;
  }

  /** Its weight in memory before encoding, in characters. */
  get chars(): number {
    return this.#chars;
  }

  /** In the order in which they are to be heard. */
  get pushed(): readonly Pushed[] {
    return this.#pushed;
  }

  /** Adds one publication: as a frame of the protocol, and its data alone. A push without data has none. */
  add(push: string, data: string | undefined, span?: Span): void {
    if (span !== undefined) {
      this.base ??= span.from;
      this.end = span.to;
    }
    this.#pushed.push({ push, data, to: span?.to });
    this.#chars += push.length;
  }

  /** The bytes to write to every subscriber of this encoding and framing. Shared: not to be changed. */
  bytesFor(encoding: Encoding, framing: Framing): Uint8Array {
    for (const known of this.#encoded) {
      if (known.encoding === encoding && known.framing === framing) return known.bytes;
    }
    const bytes = this.#encode(encoding, framing);
    this.#encoded.push({ encoding, framing, bytes });
    return bytes;
  }

  #encode(encoding: Encoding, framing: Framing): Uint8Array {
    const messages = this.#messages(encoding);
    if (framing.frameAll !== undefined) return framing.frameAll(messages);
    const [only] = messages;
    if (messages.length === 1 && only !== undefined) return framing.frame(only.text);
    return Buffer.concat(messages.map(({ text }) => framing.frame(text)));
  }

  #messages(encoding: Encoding): readonly Message[] {
    const messages = this.#pushed.flatMap((each): Message | [] => {
      const text = encoding === "raw" ? each.data : each.push;
      return text === undefined ? [] : { text, at: this.#mark(each) };
    });
    return encoding === "lines" ? joinLines(messages) : messages;
  }

  #mark({ to }: Pushed): Message["at"] {
    return to === undefined || this.channel === undefined
      ? undefined
      : { channel: this.channel, position: to };
  }
}

function joinLines(frames: readonly Message[]): Message[] {
  const messages: Message[] = [];
  let message: Message | undefined;
  for (const { text, at } of frames) {
    if (message === undefined) message = { text, at };
    else if (message.text.length + text.length < MAX_LINES_CHARS)
      message = { text: `${message.text}\n${text}`, at: at ?? message.at };
    else {
      messages.push(message);
      message = { text, at };
    }
  }
  if (message !== undefined) messages.push(message);
  return messages;
}
