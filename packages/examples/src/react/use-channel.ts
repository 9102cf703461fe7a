/** A channel of Holdfast as a hook: safe in StrictMode, on the server, and when the component comes back. */
import type { Client, Position, Publication } from "@holdfast/client";
import { useMemo, useSyncExternalStore } from "react";

const NONE: readonly never[] = [];

/** The last `keep` publications of the channel since the component is there, oldest first. */
export function useChannel<Data>(client: Client, channel: string, keep = 50): readonly Publication<Data>[] {
  const store = useMemo(() => {
    let publications: readonly Publication<Data>[] = NONE;
    let since: Position | undefined;
    const subscribe = (changed: () => void): (() => void) => {
      const receive = (publication: Publication<Data>): void => {
        publications = [...publications, publication].slice(-keep);
        changed();
      };
      const subscription = client.subscribe<Data>(channel, receive, since && { since });
      return () => {
        since = subscription.position; // comes back without a gap where the channel keeps history
        subscription.unsubscribe();
      };
    };
    return { subscribe, read: () => publications };
  }, [client, channel, keep]);
  return useSyncExternalStore(store.subscribe, store.read, () => NONE);
}
