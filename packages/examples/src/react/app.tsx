/** Reactions: a button publishes one, every page shows the last ones. */
import type { Client } from "@holdfast/client";
import { Activity, useEffect, useState, useSyncExternalStore } from "react";
import { useChannel } from "./use-channel.js";

function Reactions({ client }: { readonly client: Client }) {
  const reactions = useChannel<string>(client, "demo:reactions", 20);
  return <p id="reactions">{reactions.map(({ data }) => data).join(" ")}</p>;
}

export function App({ client }: { readonly client: Client }) {
  const [shown, setShown] = useState(true);
  const state = useSyncExternalStore(
    (changed) => client.on("state", changed),
    () => client.state.name,
    () => "idle",
  );
  useEffect(() => {
    client.connect();
    return () => client.close();
  }, [client]);
  const react = (reaction: string) => () => client.publish("demo:reactions", reaction);
  return (
    <main>
      <h1>
        Reactions (<span id="state">{state}</span>)
      </h1>
      {["👍", "🎉", "🌊"].map((each) => (
        <button type="button" key={each} disabled={state !== "connected"} onClick={react(each)}>
          {each}
        </button>
      ))}
      <button type="button" id="toggle" onClick={() => setShown(!shown)}>
        {shown ? "Hide" : "Show"}
      </button>
      <Activity mode={shown ? "visible" : "hidden"}>
        <Reactions client={client} />
      </Activity>
    </main>
  );
}
