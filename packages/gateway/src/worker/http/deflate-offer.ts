/**
 * What a client offers of permessage-deflate, and what is answered: RFC 7692 §5 and §7.1, RFC 6455 §9.1.
 *
 * Pure. `shared`: neither side keeps context. That is what lets all subscribers share a compressed message,
 * and what costs no memory. `dedicated`: both keep it, in windows as small as the client lets them be.
 * Invariant: the first offer that can be agreed on counts, and another extension, an unknown, odd or repeated
 * parameter declines its offer alone.
 */

/** How WebSockets are compressed. */
export type Compression = "off" | "shared" | "dedicated";

export interface DeflateTerms {
  /** The value of `Sec-WebSocket-Extensions` in the answer. */
  readonly answer: string;
  /** Base-2 logarithm of the bytes that what we send may refer back, 9 to 15. */
  readonly windowBits: number;
  /** Whether messages refer back to those before them, so that none can be shared. */
  readonly keepsContext: boolean;
}

/** One extension with its parameters; a parameter without a value has `undefined`. */
interface Offer {
  readonly name: string;
  readonly parameters: readonly (readonly [name: string, value: string | undefined])[];
}

const NAME = "permessage-deflate";
const SERVER_FORGETS = "server_no_context_takeover";
const CLIENT_FORGETS = "client_no_context_takeover";
const SERVER_BITS = "server_max_window_bits";
const CLIENT_BITS = "client_max_window_bits";
const MAX_BITS = 15;
/**
 * The windows of a connection that keeps context: 4 KiB, some 20 publications. zlib takes four times the
 * window for what we send, and once for what we read.
 */
const CONTEXT_BITS = 12;
/** zlib makes no raw stream with a window of 2 to the power of 8. */
const MIN_BITS = 9;

/** A token or quoted string of RFC 9110, white space around it, or a delimiter. */
const PIECE = /[ \t]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)|"((?:[^"\\]|\\.)*)"|([,;=]))[ \t]*/y;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 7692 §7.1.2: no leading zero. */
const BITS = /^(?:[89]|1[0-5])$/;

/** What is agreed on; undefined: nothing is; `malformed`: the list is none. `header`: all fields, joined. */
export function negotiateDeflate(
  header: string,
  compression: Exclude<Compression, "off"> = "shared",
): DeflateTerms | "malformed" | undefined {
  const offers = offersOf(header);
  if (offers === undefined) return "malformed";
  for (const offer of offers) {
    const asked = parametersOf(offer);
    if (asked !== undefined) return compression === "shared" ? sharedTerms(asked) : dedicatedTerms(asked);
  }
  return undefined;
}

function sharedTerms(asked: Asked): DeflateTerms {
  const { serverBits } = asked;
  const answer = [NAME, SERVER_FORGETS, CLIENT_FORGETS];
  if (serverBits !== undefined) answer.push(`${SERVER_BITS}=${serverBits}`);
  return { answer: answer.join("; "), windowBits: serverBits ?? MAX_BITS, keepsContext: false };
}

function dedicatedTerms({
  serverBits = MAX_BITS,
  clientBits,
  serverForgets,
  clientForgets,
}: Asked): DeflateTerms {
  const windowBits = Math.min(serverBits, CONTEXT_BITS);
  const answer = [NAME];
  if (serverForgets) answer.push(SERVER_FORGETS);
  if (clientForgets) answer.push(CLIENT_FORGETS);
  // §7.1.2.1: ours may be smaller than was asked for, and also where nothing was.
  answer.push(`${SERVER_BITS}=${windowBits}`);
  // §7.1.2.2: only a client that offers it can do so. With 8 bits zlib looks back further than it says.
  if (clientBits !== undefined && clientBits >= MIN_BITS)
    answer.push(`${CLIENT_BITS}=${Math.min(clientBits, CONTEXT_BITS)}`);
  return { answer: answer.join("; "), windowBits, keepsContext: true };
}

/** What an offer says. */
interface Asked {
  readonly serverBits: number | undefined;
  /** The largest where it is offered without a number. */
  readonly clientBits: number | undefined;
  readonly serverForgets: boolean;
  readonly clientForgets: boolean;
}

/** Undefined for an offer that cannot be agreed on. */
function parametersOf({ name, parameters }: Offer): Asked | undefined {
  if (name !== NAME || new Set(parameters.map(([key]) => key)).size < parameters.length) return undefined;
  let serverBits: number | undefined;
  let clientBits: number | undefined;
  let serverForgets = false;
  let clientForgets = false;
  for (const [key, value] of parameters) {
    switch (key) {
      case SERVER_FORGETS:
        if (value !== undefined) return undefined;
        serverForgets = true;
        break;
      case CLIENT_FORGETS:
        if (value !== undefined) return undefined;
        clientForgets = true;
        break;
      case CLIENT_BITS:
        if (value !== undefined && !BITS.test(value)) return undefined;
        clientBits = value === undefined ? MAX_BITS : Number(value);
        break;
      case SERVER_BITS:
        if (value === undefined || !BITS.test(value) || Number(value) < MIN_BITS) return undefined;
        serverBits = Number(value);
        break;
      default:
        return undefined;
    }
  }
  return { serverBits, clientBits, serverForgets, clientForgets };
}

/** The offers in the client's order; undefined for what is no list of extensions. */
function offersOf(header: string): readonly Offer[] | undefined {
  const pieces = piecesOf(header);
  if (pieces === undefined) return undefined;
  const offers: Offer[] = [];
  let at = 0;
  /** Whether the next piece is this delimiter; then it is passed. */
  const passed = (delimiter: string): boolean => {
    const isNext = pieces[at]?.kind === "delimiter" && pieces[at]?.text === delimiter;
    if (isNext) at++;
    return isNext;
  };
  const token = (): string | undefined => (pieces[at]?.kind === "token" ? pieces[at++]?.text : undefined);
  while (at < pieces.length) {
    // Empty elements count as none, RFC 9110 §5.6.1.2.
    if (passed(",")) continue;
    const name = token();
    if (name === undefined) return undefined;
    const parameters: [string, string | undefined][] = [];
    while (passed(";")) {
      const key = token();
      if (key === undefined) return undefined;
      const isGiven = passed("=");
      const value = isGiven ? pieces[at++] : undefined;
      // A quoted value is a token, too, once its quotes are gone.
      if (isGiven && !TOKEN.test(value?.kind === "delimiter" ? "" : (value?.text ?? ""))) return undefined;
      parameters.push([key, value?.text]);
    }
    offers.push({ name, parameters });
    if (at < pieces.length && !passed(",")) return undefined;
  }
  return offers.length === 0 ? undefined : offers;
}

interface Piece {
  readonly kind: "token" | "quoted" | "delimiter";
  readonly text: string;
}

function piecesOf(header: string): readonly Piece[] | undefined {
  const pieces: Piece[] = [];
  PIECE.lastIndex = 0;
  while (PIECE.lastIndex < header.length) {
    const [, token, quoted, delimiter] = PIECE.exec(header) ?? [];
    if (token !== undefined) pieces.push({ kind: "token", text: token });
    else if (quoted !== undefined) pieces.push({ kind: "quoted", text: quoted.replaceAll(/\\(.)/g, "$1") });
    else if (delimiter !== undefined) pieces.push({ kind: "delimiter", text: delimiter });
    else return undefined;
  }
  return pieces;
}
