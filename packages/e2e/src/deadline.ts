/**
 * Deadlines: every wait of an end-to-end test is for an event, and ends with a sentence when that does not
 * come.
 */

/** Generous: a busy machine is no failure, a lost event is. */
export const DEADLINE_MS = 20_000;

const ASK_AGAIN_MS = 20;

/** The promise, or a rejection that says what did not happen in time. */
export async function within<T>(
  promise: Promise<T>,
  what: string | (() => string),
  ms = DEADLINE_MS,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    const fail = (): void =>
      reject(new Error(`not within ${ms} ms: ${typeof what === "string" ? what : what()}`));
    timer = setTimeout(fail, ms);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Asks again until the answer is neither undefined nor false. For things that do not announce a change, such
 * as a process table or a health endpoint; a check that throws counts as "not yet".
 */
export async function eventually<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  ms = DEADLINE_MS,
): Promise<T> {
  const deadline = performance.now() + ms;
  let last: unknown;
  for (;;) {
    try {
      const answer = await check();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${ms} ms: ${what}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}
