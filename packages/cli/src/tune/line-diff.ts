/**
 * The difference of two texts by lines: what goes and what comes, in order.
 *
 * Owns the comparison. For texts of some hundred lines: its work is the product of their lengths. Invariant:
 * without the lines that come it is the old text, without those that go the new one.
 */

export interface LineChange {
  readonly kind: "same" | "gone" | "new";
  readonly line: string;
}

/** By the longest lines in common. Each text is limited to `MAX_LINES` lines. */
export function lineDiff(before: string, after: string): LineChange[] {
  const old = linesOf(before);
  const next = linesOf(after);
  const common = commonLengths(old, next);
  const changes: LineChange[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < next.length) {
    const [gone, come] = [old[i], next[j]];
    if (gone !== undefined && gone === come) {
      changes.push({ kind: "same", line: gone });
      i++;
      j++;
    } else if (gone !== undefined && (come === undefined || at(common, i + 1, j) >= at(common, i, j + 1))) {
      changes.push({ kind: "gone", line: gone });
      i++;
    } else {
      changes.push({ kind: "new", line: come ?? "" });
      j++;
    }
  }
  return changes;
}

/** A file of settings has some dozens. A longer one is compared up to here. */
export const MAX_LINES = 2000;

function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.slice(0, MAX_LINES);
}

/** For each pair of places the lines that their rests have in common. */
function commonLengths(old: readonly string[], next: readonly string[]): number[][] {
  const lengths = Array.from({ length: old.length + 1 }, () => new Array<number>(next.length + 1).fill(0));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = next.length - 1; j >= 0; j--) {
      const row = lengths[i];
      if (row === undefined) continue;
      row[j] =
        old[i] === next[j]
          ? at(lengths, i + 1, j + 1) + 1
          : Math.max(at(lengths, i + 1, j), at(lengths, i, j + 1));
    }
  }
  return lengths;
}

function at(lengths: readonly (readonly number[])[], i: number, j: number): number {
  return lengths[i]?.[j] ?? 0;
}
