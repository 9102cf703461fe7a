/**
 * What lets a page read the front door's refusals: that it should come back, and when.
 *
 * Pure: a head as latin1 in, header lines out. Only pages that may connect here get any. Invariant: no byte
 * of the head leaves in a header but a value without spaces and controls.
 */
import { corsHeaders } from "../http/cors.js";
import type { OriginCheck } from "../http/origin.js";

const ORIGIN = /^origin:[ \t]*([\x21-\x7e]+)[ \t]*$/im;
const HOST = /^host:[ \t]*([\x21-\x7e]+)[ \t]*$/im;

/** The header lines for this request; none where it names no origin, or one that may not come. */
export function frontCorsLines(text: string, mayComeFrom: OriginCheck): string {
  const end = text.indexOf("\r\n\r\n");
  const head = end === -1 ? text : text.slice(0, end);
  const origin = ORIGIN.exec(head)?.[1];
  if (origin === undefined || !mayComeFrom(origin, HOST.exec(head)?.[1])) return "";
  let lines = "";
  for (const [name, value] of Object.entries(corsHeaders({ headers: { origin } })))
    lines += `${name}: ${value}\r\n`;
  return lines;
}
