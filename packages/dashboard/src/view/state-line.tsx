/**
 * The state line on top of each page. A screen reader is told of it when its sentences change.
 */
import type { JSX } from "preact";
import type { Watched } from "../api/overview-watch.js";
import { type StateSentence, stateSentences } from "../data/state-line.js";

export function StateLine({ watched }: { readonly watched: Watched }): JSX.Element {
  const sentences = sentencesOf(watched);
  return (
    <div class={`state ${sentences[0]?.gravity ?? "ok"}`} role="status" aria-live="polite">
      {sentences.map(({ text }) => (
        <p key={text}>{text}</p>
      ))}
    </div>
  );
}

function sentencesOf(watched: Watched): readonly StateSentence[] {
  switch (watched.kind) {
    case "live":
      return stateSentences(watched.sample.overview, watched.sample.rates, watched.sample.leak);
    case "away":
      return [{ gravity: "fault", text: `${watched.message} What follows is old.` }];
    default:
      return [{ gravity: "note", text: "Asking the gateway…" }];
  }
}
