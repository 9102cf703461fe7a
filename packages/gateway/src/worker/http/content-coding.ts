/**
 * Content codings of the pages: which there are of a page, made once, and which a request is given. RFC 9110
 * §8.4, §12.5.3.
 *
 * Invariant: a form that is no shorter than the page is not kept, so that compression never costs a client
 * anything.
 */
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { elementsOf } from "../../http/field-values.js";

/** One form of a page. */
export interface CodedBody {
  /** The value of `Content-Encoding`; undefined for the page as it is. */
  readonly coding: "br" | "gzip" | undefined;
  readonly body: Buffer;
}

/** Close to the shortest, for a third of its time. */
const BROTLI_QUALITY = 9;
const ELEMENT = /^([!#$%&'*+.^_`|~\w-]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i;

const brotli = promisify(brotliCompress);
const zip = promisify(gzip);

/**
 * The compressed forms of a page, the best first. Takes some 100 ms of a thread of Node's pool for 100 KiB,
 * and nothing of the event loop.
 */
export async function codedBodies(body: Buffer): Promise<readonly CodedBody[]> {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: body.length,
  };
  const [br, gz] = await Promise.all([brotli(body, { params }), zip(body)]);
  const coded: readonly CodedBody[] = [
    { coding: "br", body: br },
    { coding: "gzip", body: gz },
  ];
  return coded.filter((each) => each.body.length < body.length);
}

/**
 * How much a client wants a coding, 0 to 1, by its `Accept-Encoding`: 0 is not at all. The page as it is can
 * always be had.
 */
export function qualityOf(acceptEncoding: string | undefined, coding: string): number {
  let any = 0;
  for (const element of elementsOf(acceptEncoding ?? "")) {
    const [, name = "", quality = "1"] = ELEMENT.exec(element) ?? [];
    if (name.toLowerCase() === coding) return Number(quality);
    if (name === "*") any = Number(quality);
  }
  return any;
}
