/**
 * Keys, as a terminal in raw mode sends them.
 *
 * Invariant: a sequence that is not known is no key, so that none of its letters acts.
 */

/** One character as it was typed, or the name of a key (`up`). */
export type TerminalKey = string;

const ESCAPE = "\u001b";
const ONE = new RegExp(`${ESCAPE}\\[[0-9;?<]*[ -/]*[@-~]|${ESCAPE}O[@-~]|[^]`, "gu");
const NAMES: Readonly<Record<string, TerminalKey>> = Object.freeze({
  [`${ESCAPE}[A`]: "up",
  [`${ESCAPE}OA`]: "up",
  [`${ESCAPE}[B`]: "down",
  [`${ESCAPE}OB`]: "down",
  [`${ESCAPE}[C`]: "right",
  [`${ESCAPE}OC`]: "right",
  [`${ESCAPE}[D`]: "left",
  [`${ESCAPE}OD`]: "left",
  [`${ESCAPE}[5~`]: "page-up",
  [`${ESCAPE}[6~`]: "page-down",
  [`${ESCAPE}[Z`]: "back-tab",
  [ESCAPE]: "escape",
  "\t": "tab",
  "\r": "enter",
  "\n": "enter",
  "\u007f": "backspace",
  "\b": "backspace",
  "\u0003": "interrupt",
  "\u0004": "interrupt",
});

export function keysOf(input: string): TerminalKey[] {
  return [...input.matchAll(ONE)].flatMap(([text]) => {
    const name = NAMES[text];
    if (name !== undefined) return [name];
    return /^\P{C}$/u.test(text) ? [text] : [];
  });
}
