/**
 * Parcels: sockets as they go to a worker by the pipe for handles, and what the worker says to them.
 *
 * Several are on their way at once, so each has a place, a letter that the answer names: small where the
 * worker has the socket, capital where its descriptor was lost. A parcel is its length, its place, the
 * client's address and the head of its request; latin1, one character a byte. Invariant: a parcel's bytes
 * beyond `MAX_PARCEL_BYTES` end the pipe: the primary bounds heads far below it, so that none comes.
 */

/** Sockets that may be under way to one worker: 16 measured no better, 4 worse. */
export const PLACES = 8;
/** A head of the largest size allowed, and what one read brings behind it, many times over. */
export const MAX_PARCEL_BYTES = 16 * 1024 * 1024;

const LENGTH_BYTES = 4;
const FIRST_PLACE = 0x61;
const CAPITAL = 0x20;
const LINE_FEED = 0x0a;

export interface Parcel {
  readonly place: number;
  /** Whether no other is under way: the worker need not wait for more. */
  readonly alone: boolean;
  /** The client's, "" unless connections are counted by it; say `departed` when it ends. */
  readonly address: string;
  /** The whole head of the socket's request, and the bytes behind it that came along. */
  readonly head: string;
}

/** `address` has no line feed. */
export function encodeParcel({ place, alone, address, head }: Parcel): string {
  const length = 2 + address.length + head.length;
  const letter = FIRST_PLACE + place - (alone ? CAPITAL : 0);
  return `${String.fromCharCode(length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255, letter)}${address}\n${head}`;
}

/** What a worker says of the one at `place`. */
export function encodeReceipt(place: number, has: boolean): string {
  return String.fromCharCode(FIRST_PLACE + place - (has ? 0 : CAPITAL));
}

/** Which place an answer names, and whether the worker has that socket. */
export function decodeReceipt(code: number): { readonly place: number; readonly has: boolean } {
  return code >= FIRST_PLACE
    ? { place: code - FIRST_PLACE, has: true }
    : { place: code + CAPITAL - FIRST_PLACE, has: false };
}

/** Puts parcels together, in whatever pieces they come. */
export class ParcelReader<Handle> {
  readonly #came: (parcel: Parcel, handle: Handle | undefined) => void;
  /** Of one that is not complete, with its handle. */
  #kept: { readonly bytes: Buffer; readonly handle: Handle | undefined } | undefined;

  constructor(came: (parcel: Parcel, handle: Handle | undefined) => void) {
    this.#came = came;
  }

  /** A piece; `begun` belongs to the parcel that begins in it. Throws where one is too long. */
  read(piece: Buffer, begun: Handle | undefined): void {
    const kept = this.#kept;
    this.#kept = undefined;
    let rest = kept === undefined ? piece : Buffer.concat([kept.bytes, piece]);
    let handle = kept === undefined ? begun : kept.handle;
    let next = kept === undefined ? undefined : begun;
    while (rest.length > 0) {
      const end = rest.length < LENGTH_BYTES ? LENGTH_BYTES : LENGTH_BYTES + rest.readUInt32BE(0);
      if (end > MAX_PARCEL_BYTES) throw new Error(`a socket came with ${end} bytes`);
      if (rest.length < Math.max(end, LENGTH_BYTES + 1)) {
        this.#kept = { bytes: rest, handle };
        return;
      }
      this.#came(parcelOf(rest, end), handle);
      rest = rest.subarray(end);
      handle = next;
      next = undefined;
    }
  }
}

function parcelOf(bytes: Buffer, end: number): Parcel {
  const letter = bytes[LENGTH_BYTES] as number;
  const alone = letter < FIRST_PLACE;
  const begin = LENGTH_BYTES + 1;
  const lineFeed = bytes.indexOf(LINE_FEED, begin);
  return {
    place: letter + (alone ? CAPITAL : 0) - FIRST_PLACE,
    alone,
    address: lineFeed === begin ? "" : bytes.toString("latin1", begin, lineFeed),
    head: bytes.toString("latin1", lineFeed + 1, end),
  };
}
