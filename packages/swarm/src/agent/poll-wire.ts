/**
 * Polls that are held (`POST /poll`): the first answer says that the session stands, and each answer is
 * followed at once by the next poll with its cursor, on the same connection.
 *
 * Unlike a real client it does not keep the cursor: a connection that ends is a session that is lost, and so
 * is one that the gateway has forgotten and makes anew from its cursor.
 */
import { authorizationLine } from "../tokens.js";
import { ASKING } from "./connection-table.js";
import { readHttpHead } from "./http-answer.js";
import { authorityOf, latin1, type Request, type Wire, type WireOwner } from "./wire.js";

/** The fields before the frames, neither with an escape in it, and how the frames begin. */
const FIELDS = /^\{"sid":"([^"\\]{1,256})","cursor":"([^"\\]{1,8192})","frames":(\[\]|\[\{"connect":)?/;
const NONE = "[]";
/** What the last batch of a session ends with. */
const CLOSE = /,"close":\{"code":(\d{4}),"reason":"(\w{0,40})"\}\}\s*$/;

export class PollWire implements Wire {
  readonly #owner: WireOwner;
  readonly #poll: Pick<Request, "host" | "path">;
  readonly #portOf: (seat: number) => number;

  /** `poll`: where the next polls go. */
  constructor(owner: WireOwner, poll: Pick<Request, "host" | "path">, portOf: (seat: number) => number) {
    this.#owner = owner;
    this.#poll = poll;
    this.#portOf = portOf;
  }

  read(seat: number, bytes: Uint8Array): number | string {
    let at = 0;
    while (at < bytes.length) {
      const head = readHttpHead(latin1(bytes, at, bytes.length));
      if (head.is === "unfinished") return at;
      if (head.is === "malformed") return head.why;
      if (head.length === undefined) return "an answer without its length";
      const start = at + head.end;
      const end = start + head.length;
      if (end > bytes.length) return at;
      if (head.status !== 200) return `HTTP ${head.status}`;
      const why = this.#answer(seat, bytes, start, end);
      if (why !== undefined) return why;
      at = end;
    }
    return at;
  }

  #answer(seat: number, bytes: Uint8Array, start: number, end: number): string | undefined {
    const text = latin1(bytes, start, end);
    const [, code, reason] = CLOSE.exec(text) ?? [];
    if (code !== undefined) return `closed ${code} ${reason}`;
    const [, sid, cursor, frames] = FIELDS.exec(text) ?? [];
    if (sid === undefined || cursor === undefined) return "an answer without a cursor";
    if (this.#owner.stateOf(seat) === ASKING) {
      this.#owner.accepted(seat);
      this.#owner.joined(seat, bytes, start, end);
    } else if (frames === NONE) this.#owner.pinged(seat);
    else if (frames !== undefined) return "its session was made anew";
    else this.#owner.message(seat, bytes, start, end);
    const where = { ...this.#poll, port: this.#portOf(seat), path: `${this.#poll.path}?sid=${sid}` };
    this.#owner.write(seat, postRequest(where, `{"sid":"${sid}","cursor":"${cursor}"}`));
    return undefined;
  }
}

/** The first poll, which names its channels. */
export function pollRequest({ channels, ...where }: Request): string {
  return postRequest(where, JSON.stringify({ channels: channels.split(",").map(decodeURIComponent) }));
}

/** As a browser sends it without asking first (no CORS preflight). `Returns its bytes as a Latin-1 string. */
export function postRequest(where: Omit<Request, "channels">, body: string): string {
  const bytes = Buffer.from(body).toString("latin1");
  return `POST ${where.path} HTTP/1.1\r\nHost: ${authorityOf(where)}\r\nContent-Type: text/plain\r\nContent-Length: ${bytes.length}\r\n${authorizationLine(where.token)}\r\n${bytes}`;
}
