/**
 * Commands that come in the body of a request: carried out once, however often the request is sent.
 *
 * A client that got no answer cannot know whether its request arrived, and sends it again. Ids therefore
 * ascend within a session, and a command whose id is not above the last one's is a repetition.
 */
import type { Connection } from "@holdfast/core";
import { JsonFrame } from "@holdfast/protocol";

/** A command frame as it was read. */
export interface CommandFrame {
  readonly id: unknown;
  /** As JSON.parse has read it, with the body around it: it is not parsed again. */
  readonly value: unknown;
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
  const frames: JsonFrame[] = [];
  // Newlines between them, as in a message.
  let length = -1;
  for (const { id, value, text } of commands) {
    if (typeof id === "number") {
      if (id <= latest) {
        tenths++;
        continue;
      }
      latest = id;
    }
    frames.push(new JsonFrame(value, text));
    length += text.length + 1;
  }
  if (connection?.spend(tenths) === false) return latest;
  if (frames.length > 0) connection?.receive({ frames, length });
  else connection?.alive();
  return latest;
}
