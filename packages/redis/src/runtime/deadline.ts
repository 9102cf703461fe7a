/**
 * Deadlines: nothing that Redis is asked waits for ever.
 *
 * Invariant: an answer that has reached this process in time is never taken for a missing one, even if the
 * event loop was held up: the verdict is deferred until what the socket already has was read.
 */
import type { Clock } from "@holdfast/core";

export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

/**
 * Settles like `work`, or rejects with `DeadlineExceeded` after `ms`. `what` is the subject of the message.
 */
export function withDeadline<T>(clock: Clock, ms: number, what: string, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => {
      clock.defer(() => reject(new DeadlineExceeded(`${what}: no answer within ${ms} ms`)));
    });
    work.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
