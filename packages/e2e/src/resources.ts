/**
 * What a test opened and has to close, in reverse order, whether it passed or not.
 */

interface Closable {
  close(): unknown;
}

export class Resources {
  #open: Closable[] = [];

  /** Returns what it was given. */
  add<T extends Closable>(resource: T): T {
    this.#open.push(resource);
    return resource;
  }

  /** Closes everything, also when some of it fails; then throws the first problem. */
  async close(): Promise<void> {
    const problems: unknown[] = [];
    for (const resource of this.#open.reverse()) {
      try {
        await resource.close();
      } catch (error) {
        problems.push(error);
      }
    }
    this.#open = [];
    if (problems.length > 0) throw problems[0];
  }
}
