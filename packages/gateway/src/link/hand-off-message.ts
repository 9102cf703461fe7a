/**
 * Hand-off messages: the text that a socket takes along on the IPC channel between the primary and a worker.
 * Handles that go to a worker have a pipe of their own (`parcels.ts`): here go copies of listening handles,
 * misplaced sockets, and all sockets where the worker takes nothing that Node does not document.
 *
 * One string with everything in it: Node turns each message into a line of JSON, and an object around the
 * request's head costs more than the head. Bytes are latin1, one character each.
 */

/**
 * What the other end is to do with the handle: take the socket; route the socket, which belongs to another
 * worker's session; send the listening handle straight back, which makes a second descriptor of it.
 */
export type TravelKind = "handOff" | "misplaced" | "copy";

export interface HandOffMessage {
  readonly kind: TravelKind;
  /**
   * Of a socket: its client's address, "" unless connections are counted by it; say `departed` when it ends.
   * Of a listening handle: its port.
   */
  readonly about: string;
  /** The whole head of the socket's request, and the bytes behind it that came along. */
  readonly head: string;
}

const LETTERS: Readonly<Record<TravelKind, string>> = { handOff: "h", misplaced: "m", copy: "c" };

/** `about` has no line feed. */
export function encodeTravel(kind: TravelKind, about: string, head: string): string {
  return `${LETTERS[kind]}${about}\n${head}`;
}

/** Undefined for what others say on the channel. */
export function decodeTravel(message: unknown): HandOffMessage | undefined {
  if (typeof message !== "string") return undefined;
  const end = message.indexOf("\n");
  const kind = kindOf(message.charCodeAt(0));
  if (kind === undefined || end === -1) return undefined;
  return { kind, about: end === 1 ? "" : message.slice(1, end), head: message.slice(end + 1) };
}

function kindOf(letter: number): TravelKind | undefined {
  switch (letter) {
    case 0x68:
      return "handOff";
    case 0x6d:
      return "misplaced";
    case 0x63:
      return "copy";
    default:
      return undefined;
  }
}
