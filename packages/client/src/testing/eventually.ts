/**
 * For tests over real sockets: waits until something is so.
 */

/** Rejects after five seconds. */
export async function eventually(holds: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
