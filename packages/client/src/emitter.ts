/**
 * A tiny typed emitter: names to listeners.
 *
 * Invariant: a listener that throws neither stops the others nor reaches the caller of `announce`; its error
 * is thrown again from a microtask, where the page's or process's handler of uncaught errors sees it.
 * A listener added or removed during `announce` counts from the next one. Listeners are the application's to
 * bound.
 */

/** Event names to the value that listeners get. */
type EventMap = Readonly<Record<string, unknown>>;

export class Emitter<Events extends { readonly [Name in keyof Events]: unknown } = EventMap> {
  readonly #listeners = new Map<keyof Events, ReadonlySet<{ run(value: never): void }>>();

  /** Adds a listener and returns what removes it. Adding the same function twice calls it twice. */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void {
    const added = { run: listener };
    this.#listeners.set(name, new Set([...(this.#listeners.get(name) ?? []), added]));
    return () => {
      const rest = new Set(this.#listeners.get(name));
      rest.delete(added);
      this.#listeners.set(name, rest);
    };
  }

  announce<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener.run(value as never);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
