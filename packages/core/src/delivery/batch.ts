/**
 * A batch: publications of one topic that are written together, encoded once and framed once.
 *
 * Everything that arrives for a topic between two stretches of fan-out shares one batch, hence one write a
 * subscriber. Invariant: the bytes for a codec and framing are made at most once, after the last `add`.
 */
import type { Data, Position, SentPush, WireMessage } from "@holdfast/protocol";
import type { Codec } from "../codec/codec.js";
import type { Tracing } from "../runtime/tracing.js";
import { BatchTraces } from "./batch-traces.js";
import { dataOf, traceparentOfPush, weightOf } from "./push.js";
import { type Framing, frameMessage, type Message } from "./transport.js";

/** Characters or bytes of several frames in one message; a longer batch becomes several messages. */
const MAX_JOINED = 64 * 1024;
/**
 * Characters of a batch that may be compressed; what follows is plain. About 4 ms of DEFLATE, so that a batch
 * holds the loop no longer than a stretch of fan-out does: a worker that is behind must not fall further.
 */
const MAX_COMPRESSED = 256 * 1024;

/** The messages of a codec that does not join, one for each push. */
interface Singles {
  readonly codec: Codec;
  readonly messages: readonly Message[];
}

/** The bytes for a codec and a framing. */
interface Framed {
  readonly codec: Codec;
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
  readonly push: SentPush;
  /** Its data alone, as JSON text or bytes; undefined for a push that is no publication. */
  readonly data: Data | undefined;
  /** Where it takes who hears it, in the topic's stream, if there is one. */
  readonly to: Position | undefined;
}

export class Batch {
  /** When the first publication arrived, monotonic ms. */
  readonly since: number;
  /** Whose publications these are, unless they are for a user or for all connections. */
  readonly channel: string | undefined;
  /** Bytes from which its messages may be compressed; undefined: it is for one connection. */
  readonly compressFrom: number | undefined;
  /**
   * Where the topic's stream stood before the batch: a receiver of the batch needs nothing but what lies
   * before this.
   */
  base: Position | undefined;
  /** Where it stands after the batch. */
  end: Position | undefined;
  /** Whose numbers its pushes have; written by that conflation alone. */
  conflated: { readonly by: object; readonly numbers: Numbers } | undefined;
  /** Spans of its publications; undefined where none is traced. */
  traces: BatchTraces | undefined;
  readonly #pushed: Pushed[] = [];
  readonly #framed: Framed[] = [];
  /** Several framings share them, and so does the codec that joins them. */
  readonly #singles: Singles[] = [];
  #chars = 0;

  constructor(since: number, channel?: string, compressFrom?: number) {
    this.since = since;
    this.channel = channel;
    this.compressFrom = compressFrom;
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

  /** Adds one push. `span`: where the topic's stream stands before and after it. */
  add(push: SentPush, span?: Span, weight = weightOf(push)): void {
    if (span !== undefined) {
      this.base ??= span.from;
      this.end = span.to;
    }
    this.#pushed.push({ push, data: dataOf(push), to: span?.to });
    this.#chars += weight;
  }

  /** Begins the span of a publication of the batch, where its trace is recorded. */
  trace(tracing: Tracing, push: SentPush): void {
    const parent = traceparentOfPush(push);
    if (parent === undefined) return;
    this.traces ??= new BatchTraces();
    this.traces.begin(tracing, parent, this.channel);
  }

  /** The bytes to write to every subscriber of this codec and framing. Shared: not to be changed. */
  bytesFor(codec: Codec, framing: Framing): Uint8Array {
    for (const known of this.#framed) {
      if (known.codec === codec && known.framing === framing) return known.bytes;
    }
    const bytes = this.#frame(codec, framing);
    this.#framed.push({ codec, framing, bytes });
    return bytes;
  }

  #frame(codec: Codec, framing: Framing): Uint8Array {
    const singles = this.#singlesOf(codec.single);
    const messages = codec === codec.single ? singles : join(codec, singles);
    if (framing.frameAll !== undefined) return framing.frameAll(messages, this.compressFrom);
    let room = MAX_COMPRESSED;
    const frames = messages.map(({ said }) => {
      room -= said.length;
      return frameMessage(framing, said, room < 0 ? undefined : this.compressFrom);
    });
    const [only] = frames;
    return frames.length === 1 && only !== undefined ? only : Buffer.concat(frames);
  }

  /** One message for each push that the codec has a word for. */
  #singlesOf(codec: Codec): readonly Message[] {
    for (const known of this.#singles) if (known.codec === codec) return known.messages;
    const messages: Message[] = [];
    for (const each of this.#pushed) {
      const said = codec.push(each.push);
      if (said !== undefined) messages.push({ said, at: this.#mark(each) });
    }
    this.#singles.push({ codec, messages });
    return messages;
  }

  #mark({ to }: Pushed): Message["at"] {
    return to === undefined || this.channel === undefined
      ? undefined
      : { channel: this.channel, position: to };
  }
}

/** Several frames to a message, as long as it does not get too long. A mark is that of its last frame. */
function join({ encoding }: Codec, frames: readonly Message[]): readonly Message[] {
  if (frames.length < 2) return frames;
  const messages: Message[] = [];
  let group: WireMessage[] = [];
  let length = 0;
  let mark: Message["at"];
  const end = (): void => {
    const [only] = group;
    if (only !== undefined)
      messages.push({ said: group.length === 1 ? only : encoding.join(group), at: mark });
    group = [];
    length = 0;
    mark = undefined;
  };
  for (const { said, at } of frames) {
    if (group.length > 0 && length + said.length >= MAX_JOINED) end();
    group.push(said);
    length += said.length + 1;
    mark = at ?? mark;
  }
  end();
  return messages;
}
