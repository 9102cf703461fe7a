/**
 * The reload of an instance: begin it, and how far the last one is.
 */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { AdminClient } from "../api/admin-client.js";
import type { ReloadAnswer } from "../data/answers.js";
import { countText, isoText } from "../data/texts.js";
import { Failed, Figures, messageOf, PulledView, usePulled } from "./parts.js";

const QUESTION =
  "Reload this instance? It reads its settings again and replaces its workers one after the other. Their clients reconnect.";
const RESULTS = {
  idle: "There was no reload since the start.",
  rolling: "A reload is under way.",
  done: "The last reload is through: all workers are new.",
  failed: "The last reload ended early: the workers left run what they ran.",
  stopped: "The last reload was stopped.",
} as const;

interface ReloadProps {
  readonly client: AdminClient;
  /** Changes with each overview. */
  readonly at: number;
}

export function Reload({ client, at }: ReloadProps): JSX.Element {
  const [pulled, again] = usePulled("reload", () => client.get<ReloadAnswer>("/api/reload"));
  const [problem, setProblem] = useState<string>();
  const isRolling = pulled.kind === "there" && pulled.value.state === "rolling";
  useEffect(() => {
    if (isRolling) again();
  }, [at, isRolling]);
  const begin = (): void => {
    if (!confirm(QUESTION)) return;
    client.post("/api/reload", "{}").then(
      () => {
        setProblem(undefined);
        again();
      },
      (error: unknown) => setProblem(messageOf(error)),
    );
  };
  return (
    <>
      <PulledView of={pulled}>{(value) => <Progress of={value} />}</PulledView>
      <p>
        <button type="button" onClick={begin}>
          Reload
        </button>
      </p>
      <Failed problem={problem} />
    </>
  );
}

function Progress({ of }: { readonly of: ReloadAnswer }): JSX.Element {
  const { state, left, total, startedAt, endedAt, problem } = of;
  return (
    <>
      <p>{RESULTS[state]}</p>
      {problem !== null && <p class="bad">{problem}</p>}
      {state !== "idle" && (
        <>
          <Figures
            of={[
              ["Workers replaced", `${countText(total - left)} of ${countText(total)}`],
              ["Began", isoText(startedAt)],
              ["Ended", isoText(endedAt)],
            ]}
          />
          <label>
            Workers that are new
            <progress max={Math.max(total, 1)} value={total - left} />
          </label>
        </>
      )}
    </>
  );
}
