/**
 * A codec: how a connection says things and is spoken to. A dialect names them, an encoding writes them.
 *
 *     commands ◄── dialect ── frames ◄── encoding ── messages ◄── transport
 *     pushes, answers ──────► frames ──────────────► messages ──►
 *
 * Dialect, encoding and transport vary independently. An implementer of a dialect owes: it keeps no state
 * between calls; `read` never throws, whatever the frame; of what it has no word for it returns undefined.
 * Invariant: there is one codec of a kind for all connections, because a batch is encoded once for each.
 */
import {
  type CommandName,
  closeReason,
  type DecodedCommand,
  type DecodedPart,
  type DisconnectCode,
  type EncodableResults,
  type ErrorCode,
  type FrameEncoding,
  type FrameValue,
  type ReceivedCommand,
  type ReceivedFrame,
  type SentPush,
  type WireMessage,
} from "@holdfast/protocol";

/** How a protocol says connect, subscribe, publication, presence, error, close. */
export interface Dialect {
  /** For logs and tests. */
  readonly name: string;
  /**
   * It passes on data alone: it has no word for answers and notices, and what its clients say is not read.
   */
  readonly isDataOnly: boolean;
  /** What both sides say for a sign of life; undefined where the transport has to do it. */
  readonly ping: FrameValue | undefined;
  push(push: SentPush): FrameValue | undefined;
  reply(command: ReceivedCommand, result: EncodableResults[CommandName]): FrameValue | undefined;
  /** `id`: of the command that could not be carried out, as `read` gave it. */
  error(id: number, error: ErrorCode): FrameValue | undefined;
  read(frame: ReceivedFrame): DecodedCommand;
  /** Code and reason with which a connection is closed; left out: those of the table. */
  closing?(row: DisconnectCode): { readonly code: number; readonly reason: string };
}

export interface CodecOptions {
  readonly name: string;
  readonly dialect: Dialect;
  readonly encoding: FrameEncoding;
  /** Several frames to a message: the codec that says the same with one frame to a message. */
  readonly joins?: Codec;
  /** Whether its clients answer the dialect's ping; otherwise the transport's own is used. */
  readonly answersPings?: boolean;
}

export class Codec {
  readonly name: string;
  readonly dialect: Dialect;
  readonly encoding: FrameEncoding;
  /** The codec that says the same with one frame to a message: itself, unless it joins. */
  readonly single: Codec;
  /** Whether its clients answer `ping`. */
  readonly answersPings: boolean;
  /** The dialect's ping as a message. */
  readonly ping: WireMessage | undefined;

  constructor({ name, dialect, encoding, joins, answersPings = false }: CodecOptions) {
    this.name = name;
    this.dialect = dialect;
    this.encoding = encoding;
    this.single = joins ?? this;
    this.answersPings = answersPings;
    this.ping = this.#encode(dialect.ping);
  }

  /** Whether a message is the dialect's ping, and nothing else. */
  isPing(message: unknown): boolean {
    const { ping } = this;
    if (typeof ping === "string" || !(message instanceof Uint8Array)) return message === ping;
    return ping?.length === message.length && ping.every((byte, at) => byte === message[at]);
  }

  /** Undefined where the dialect has no word for it. */
  push(push: SentPush): WireMessage | undefined {
    return this.#encode(this.dialect.push(push));
  }

  reply(command: ReceivedCommand, result: EncodableResults[CommandName]): WireMessage | undefined {
    return this.#encode(this.dialect.reply(command, result));
  }

  error(id: number, error: ErrorCode): WireMessage | undefined {
    return this.#encode(this.dialect.error(id, error));
  }

  closing(row: DisconnectCode): { readonly code: number; readonly reason: string } {
    return this.dialect.closing?.(row) ?? { code: row.code, reason: closeReason(row) };
  }

  /** The commands of one message, up to the first part that is none. Never throws. */
  decode(message: WireMessage): readonly DecodedCommand[] {
    return this.#read(this.encoding.decode(message));
  }

  /** The same of frames that came otherwise than in a message of this encoding. */
  read(frames: readonly ReceivedFrame[]): readonly DecodedCommand[] {
    return this.#read(frames.map((frame) => ({ kind: "frame", frame })));
  }

  #read(parts: readonly DecodedPart[]): readonly DecodedCommand[] {
    const decoded: DecodedCommand[] = [];
    for (const part of parts) {
      const one = part.kind === "frame" ? this.dialect.read(part.frame) : part;
      decoded.push(one);
      if (one.kind === "malformed") break;
    }
    return decoded;
  }

  #encode(frame: FrameValue | undefined): WireMessage | undefined {
    return frame === undefined ? undefined : this.encoding.encode(frame);
  }
}
