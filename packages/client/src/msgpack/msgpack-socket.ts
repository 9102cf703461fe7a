/**
 * A class of WebSockets that speaks MessagePack on the wire, and to the SDK what a JSON socket says.
 *
 * The SDK gives it text that holds frames, and gets frames that have been read. Invariant: bytes are bin on
 * the wire, and integers that no number has exactly come as bigint.
 */
import { fromBase64, SUBPROTOCOL_MSGPACK } from "@holdfast/protocol";
import { decodeMulti, encode } from "@msgpack/msgpack";
import type { WebSocketClass, WebSocketLike } from "../transports/web-socket.js";
import type { JsonFields } from "./bytes.js";

/** What a socket is asked beside what the SDK needs. */
interface BinarySocket extends WebSocketLike {
  binaryType?: string;
  send(data: string | Uint8Array): void;
}

export function msgpackSocket(WebSocket: WebSocketClass): WebSocketClass {
  return class implements WebSocketLike {
    readonly #socket: BinarySocket;

    constructor(url: string) {
      this.#socket = new WebSocket(url, SUBPROTOCOL_MSGPACK);
      this.#socket.binaryType = "arraybuffer";
    }

    send(text: string): void {
      const frames = text.split("\n").map((line) => encode(packed(JSON.parse(line) as JsonFields)));
      this.#socket.send(concat(frames));
    }

    close(code?: number, reason?: string): void {
      this.#socket.close(code, reason);
    }

    addEventListener(type: "open" | "message" | "close" | "error", listener: (event: never) => void): void {
      if (type !== "message") return this.#socket.addEventListener(type as "error", listener as never);
      this.#socket.addEventListener(type, ({ data }) =>
        listener({ data: data instanceof ArrayBuffer ? framesOf(data) : data } as never),
      );
    }
  };
}

/** The frames of a message; what cannot be read is a frame that is none. */
function framesOf(message: ArrayBuffer): readonly unknown[] {
  const frames: unknown[] = [];
  try {
    for (const frame of decodeMulti(message, { useBigInt64: true })) frames.push(owned(frame));
  } catch (error) {
    frames.push(error instanceof Error ? error.message : String(error));
  }
  return frames;
}

/** A command whose data is bytes with them as bin: the SDK gives it their base64. */
function packed(frame: JsonFields): JsonFields {
  const { publish } = frame as { publish?: JsonFields };
  if (publish?.bytes !== true) return frame;
  const { bytes: _, data, ...rest } = publish;
  return { ...frame, publish: { ...rest, data: fromBase64(String(data)) } };
}

/** Numbers where a number has all digits, and bytes that hold no message in memory. In place. */
function owned(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value instanceof Uint8Array) return value.slice();
  if (typeof value !== "object" || value === null) return value;
  const tree = value as JsonFields;
  for (const name in tree) tree[name] = owned(tree[name]);
  return tree;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
