/**
 * The frames of a MessagePack message: where each ends, found without making a value of it.
 *
 * What the library would do before it knows better is decided here: a length that is not there would cost
 * memory, nesting a stack. Invariant: what passes is whole values of the kinds that JSON has, and bytes, no
 * deeper and no more of them than in JSON; what it costs to decode is bounded by the message's size.
 */
import { isUtf8 } from "node:buffer";
import { MAX_COMMANDS_PER_MESSAGE, MAX_DEPTH } from "@holdfast/protocol";

/** One value of a message. */
export interface FrameSpan {
  readonly start: number;
  readonly end: number;
  /** Whether it has an integer of 64 bits in it, which a number may not hold. */
  readonly hasInt64: boolean;
}

const SPACE = "the message ends inside a value";

/** The values of a message, or what is wrong with the first that is not one. */
export function framesOf(message: Uint8Array): {
  readonly frames: readonly FrameSpan[];
  readonly problem: string | undefined;
} {
  const frames: FrameSpan[] = [];
  const scan = new Scan(message);
  if (message.length === 0) return { frames, problem: "an empty message" };
  while (scan.at < message.length) {
    if (frames.length === MAX_COMMANDS_PER_MESSAGE)
      return { frames, problem: `more than ${MAX_COMMANDS_PER_MESSAGE} frames in one message` };
    const start = scan.at;
    scan.hasInt64 = false;
    const problem = scan.value();
    if (problem !== undefined) return { frames, problem };
    frames.push({ start, end: scan.at, hasInt64: scan.hasInt64 });
  }
  return { frames, problem: undefined };
}

/** Reads on in one message. */
class Scan {
  at = 0;
  hasInt64 = false;
  readonly #bytes: Uint8Array;
  /** For each open list or map: values that are still to come, of a map its keys too. */
  readonly #left: number[] = [];
  readonly #isMap: boolean[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** One whole value. Returns what is wrong with it. */
  value(): string | undefined {
    this.#left.length = 0;
    this.#isMap.length = 0;
    do {
      const problem = this.#head();
      if (problem !== undefined) return problem;
      while (this.#left.at(-1) === 0) {
        this.#left.pop();
        this.#isMap.pop();
      }
    } while (this.#left.length > 0);
    return undefined;
  }

  /** The head of one value, with its bytes where it is no list and no map. */
  #head(): string | undefined {
    const first = this.#bytes[this.at];
    if (first === undefined) return SPACE;
    const open = this.#left.length - 1;
    const left = this.#left[open] ?? 0;
    const isKey = this.#isMap[open] === true && left % 2 === 0;
    if (open >= 0) this.#left[open] = left - 1;
    this.at++;
    if (isKey && !isText(first)) return "a map with a key that is no text";
    if (first < 0x80 || first >= 0xe0) return undefined;
    if (first < 0x90) return this.#opens(2 * (first & 0x0f), true);
    if (first < 0xa0) return this.#opens(first & 0x0f, false);
    if (first < 0xc0) return this.#text(first & 0x1f);
    return this.#typed(first);
  }

  /** A head of the formats from 0xc0 to 0xdf. */
  #typed(first: number): string | undefined {
    switch (first) {
      case 0xc0: // nil
      case 0xc2: // false
      case 0xc3: // true
        return undefined;
      case 0xc4: // bin 8, 16, 32
      case 0xc5:
      case 0xc6:
        return this.#skip(this.#length(2 ** (first - 0xc4)));
      case 0xcc: // uint 8 to 64
      case 0xcd:
      case 0xce:
      case 0xcf:
        return this.#number(2 ** (first - 0xcc));
      case 0xd0: // int 8 to 64
      case 0xd1:
      case 0xd2:
      case 0xd3:
        return this.#number(2 ** (first - 0xd0));
      case 0xca: // float 32, 64
      case 0xcb:
        return this.#skip(first === 0xca ? 4 : 8);
      case 0xd9: // str 8, 16, 32
      case 0xda:
      case 0xdb:
        return this.#text(this.#length(2 ** (first - 0xd9)));
      case 0xdc: // array 16, 32
      case 0xdd:
        return this.#opens(this.#length(first === 0xdc ? 2 : 4), false);
      case 0xde: // map 16, 32
      case 0xdf:
        return this.#opens(2 * this.#length(first === 0xde ? 2 : 4), true);
      default:
        return first === 0xc1 ? "a byte that MessagePack never uses" : "a value of an extension type";
    }
  }

  /** An unsigned number of so many bytes; infinite where they are not there. */
  #length(bytes: number): number {
    let length = 0;
    if (this.at + bytes > this.#bytes.length) return Number.POSITIVE_INFINITY;
    for (let i = 0; i < bytes; i++) length = length * 256 + (this.#bytes[this.at + i] as number);
    this.at += bytes;
    return length;
  }

  #number(bytes: number): string | undefined {
    if (bytes === 8) this.hasInt64 = true;
    return this.#skip(bytes);
  }

  #skip(bytes: number): string | undefined {
    if (bytes > this.#bytes.length - this.at) return SPACE;
    this.at += bytes;
    return undefined;
  }

  #text(bytes: number): string | undefined {
    const start = this.at;
    const problem = this.#skip(bytes);
    if (problem !== undefined) return problem;
    for (let i = start; i < this.at; i++)
      if ((this.#bytes[i] as number) >= 0x80)
        return isUtf8(this.#bytes.subarray(i, this.at)) ? undefined : "text that is not UTF-8";
    return undefined;
  }

  /** Each value has a byte at least, so a list cannot be longer than what is left of the message. */
  #opens(values: number, isMap: boolean): string | undefined {
    if (values > this.#bytes.length - this.at) return SPACE;
    if (this.#left.length === MAX_DEPTH) return `MessagePack nested deeper than ${MAX_DEPTH}`;
    this.#left.push(values);
    this.#isMap.push(isMap);
    return undefined;
  }
}

function isText(first: number): boolean {
  return (first >= 0xa0 && first < 0xc0) || (first >= 0xd9 && first <= 0xdb);
}
