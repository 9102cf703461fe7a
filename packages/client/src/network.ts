/**
 * The network seam: whether the device says that it is offline, and when that changes.
 *
 * Only a browser's "offline" is believed; "online" promises nothing.
 */

export interface Network {
  /** True when an attempt would surely fail. */
  offline(): boolean;
  /** Calls `run` once when the network is back. Returns what stops waiting. */
  whenOnline(run: () => void): () => void;
}

/** The browser's view; elsewhere the network always counts as there. */
export const systemNetwork: Network = Object.freeze({
  offline: () =>
    (globalThis as { readonly navigator?: { readonly onLine?: boolean } }).navigator?.onLine === false &&
    typeof globalThis.addEventListener === "function",
  whenOnline(run: () => void): () => void {
    globalThis.addEventListener("online", run, { once: true });
    return () => globalThis.removeEventListener("online", run);
  },
});
