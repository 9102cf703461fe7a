/**
 * A client's read: when it may begin, and what it costs.
 *
 * A read waits for its connection's turn (fair-turns.ts) and is charged to the connection's command rate when
 * its size is known. So many reads in one message cost as many pages as the rate allows, and the rest are
 * refused when their turn comes. Invariant: each is answered once: by its result, `limit_rate` or
 * `unavailable`.
 */
import { errors } from "@holdfast/protocol";
import { BrokerUnavailable } from "../broker/broker.js";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import { TurnRefused } from "../runtime/fair-turns.js";
import type { Answer } from "./command.js";

/** Bytes of a read that cost as much as one command. */
export const READ_BYTES_PER_COMMAND = 16 * 1024;

/** What an answer with `bytes` of publications or members costs, once it is known. */
export function chargeRead(
  { rateLimit, ticker }: Pick<Context, "rateLimit" | "ticker">,
  connection: Connection,
  bytes: number,
): void {
  rateLimit.spend(connection, ticker.tick, bytes / READ_BYTES_PER_COMMAND);
}

/** Whether what the connection has read before leaves it nothing now. */
export function hasReadEnough(
  { rateLimit, ticker }: Pick<Context, "rateLimit" | "ticker">,
  connection: Connection,
): boolean {
  return rateLimit.isSpent(connection, ticker.tick);
}

/** The parts of core that a read uses. */
export type ReadParts = Pick<Context, "metrics" | "rateLimit" | "reads" | "ticker">;

/** Runs `read` in its turn. `bytesOf` says what its result holds. */
export async function readFor<Result>(
  parts: ReadParts,
  connection: Connection,
  read: () => Promise<Answer<Result>>,
  bytesOf: (result: Result) => number,
): Promise<Answer<Result>> {
  const refused = { error: errors.limitRate };
  try {
    return await parts.reads.run(connection, async () => {
      // The connection may have ended, and then hears nothing.
      if (!connection.isOpen || hasReadEnough(parts, connection)) {
        parts.metrics.add("reads_refused", 1);
        return refused;
      }
      const answer = await read();
      if (!("result" in answer)) return answer;
      const bytes = bytesOf(answer.result);
      parts.metrics.add("read_bytes", bytes);
      chargeRead(parts, connection, bytes);
      return answer;
    });
  } catch (error) {
    if (error instanceof BrokerUnavailable) return { error: errors.unavailable };
    if (!(error instanceof TurnRefused)) throw error;
    parts.metrics.add("reads_refused", 1);
    return error.full === "asker" ? refused : { error: errors.unavailable };
  }
}
