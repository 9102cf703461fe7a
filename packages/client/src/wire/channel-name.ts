/**
 * What a channel may be called, in as few bytes as possible. A test holds it against the protocol's own
 * grammar.
 */
import { byteLength } from "./outgoing.js";

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Z}\p{Noncharacter_Code_Point}]/u;
const FORM = /^([\w-]+:.+|[^:]+)$/s;

export function isChannel(name: string): boolean {
  return FORM.test(name) && !UNPRINTABLE.test(name) && byteLength(name) <= 255;
}
