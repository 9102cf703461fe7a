/**
 * The drain of an instance: begin it, and how far it is. A drain of an instance cannot be taken back.
 */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { AdminClient } from "../api/admin-client.js";
import type { DrainAnswer } from "../data/answers.js";
import { countText, isoText } from "../data/texts.js";
import { Failed, Figures, messageOf } from "./parts.js";

const QUESTION =
  "Drain this instance? All its clients are sent to other instances, and it takes no new ones until it is started again.";

interface DrainProps {
  readonly client: AdminClient;
  readonly drain: DrainAnswer;
}

export function Drain({ client, drain }: DrainProps): JSX.Element {
  const [problem, setProblem] = useState<string>();
  const begin = (): void => {
    if (!confirm(QUESTION)) return;
    client.post("/api/drain", "{}").then(
      () => setProblem(undefined),
      (error: unknown) => setProblem(messageOf(error)),
    );
  };
  const { state, left, total, startedAt, deadline } = drain;
  return (
    <>
      <Figures
        of={[
          ["State", state],
          ["Clients left", countText(left)],
          ["Clients at the start", countText(total)],
          ["Began", isoText(startedAt)],
          ["Ends by", isoText(deadline)],
        ]}
      />
      {state === "serving" ? (
        <button type="button" class="danger" onClick={begin}>
          Begin to drain
        </button>
      ) : (
        <label>
          Clients that have left
          <progress
            max={Math.max(total, 1)}
            value={state === "drained" ? Math.max(total, 1) : total - left}
          />
        </label>
      )}
      <Failed problem={problem} />
    </>
  );
}
