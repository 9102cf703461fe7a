/**
 * Commands that come in the body of a request: carried out once, however often the request is sent.
 *
 * A client that got no answer cannot know whether its request arrived, and sends it again. Ids therefore
 * ascend within a session, and a command whose id is not above the last one's is a repetition.
 */
import type { Connection } from "@holdfast/core";

/** A command frame as it was read. */
export interface CommandFrame {
  readonly id: unknown;
  /** One line of JSON, as its client wrote it: its data travels to the letter. */
  readonly text: string;
}

/**
 * Gives the connection what is new. Returns the last id from now on. A request costs a tenth of a command,
 * and each command that is a repetition another, so that none is for nothing.
 */
export function carryOut(
  commands: readonly CommandFrame[],
  last: number,
  connection: Pick<Connection, "receive" | "alive" | "spend"> | undefined,
): number {
  let latest = last;
  let tenths = 1;
  const lines: string[] = [];
  for (const { id, text } of commands) {
    if (typeof id === "number") {
      if (id <= latest) {
        tenths++;
        continue;
      }
      latest = id;
    }
    lines.push(text);
  }
  if (connection?.spend(tenths) === false) return latest;
  if (lines.length > 0) connection?.receive(lines.join("\n"));
  else connection?.alive();
  return latest;
}
