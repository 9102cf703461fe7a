/**
 * A URL as it may be shown: in `config print`, and in the message of a failure.
 *
 * By the text and not by the URL class: a Redis URL may name several hosts, and a message is about text that
 * is no URL. Invariant: no password, no name without one, nothing of a query but the names of its parameters,
 * and no fragment comes out; a URL without these is the same text.
 */

const MASK = "***";

export function maskedUrl(text: string): string {
  const end = text.search(/[?#]/);
  const address = end === -1 ? text : text.slice(0, end);
  const rest = end === -1 ? "" : text.slice(end);
  return maskedAddress(address) + rest.replace(/([?&#])([^?&#]*)/g, maskedPart);
}

/** Up to the last `@`, since a password may have one. */
function maskedAddress(address: string): string {
  return address.replace(/^((?:[a-z][a-z\d+.-]*:)?\/\/)?(.*)@/is, (_, scheme = "", login: string) => {
    const colon = login.indexOf(":");
    return `${scheme}${colon === -1 ? "" : login.slice(0, colon + 1)}${MASK}@`;
  });
}

/** A parameter without a value may be a key. */
function maskedPart(_: string, before: string, part: string): string {
  const equals = before === "#" ? -1 : part.indexOf("=");
  if (part === "") return before;
  return equals === -1 ? before + MASK : `${before}${part.slice(0, equals)}=${MASK}`;
}
