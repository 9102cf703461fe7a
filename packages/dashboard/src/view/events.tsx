/**
 * The page Events: what lately went wrong for clients, and the last warnings of all processes.
 */
import type { JSX } from "preact";
import type { AdminClient } from "../api/admin-client.js";
import type { IncidentAnswer, WarningAnswer } from "../data/answers.js";
import { timeText } from "../data/texts.js";
import { Incidents } from "./incidents.js";
import { PulledView, Table, usePulled } from "./parts.js";

const LIMIT = 100;

export function Events({ client }: { readonly client: AdminClient }): JSX.Element {
  const [incidents, again] = usePulled("incidents", () =>
    client.get<{ incidents: readonly IncidentAnswer[] }>(`/api/incidents?limit=${LIMIT}`),
  );
  const [warnings, warnAgain] = usePulled("warnings", () =>
    client.get<{ warnings: readonly WarningAnswer[] }>(`/api/warnings?limit=${LIMIT}`),
  );
  const reload = (): void => {
    again();
    warnAgain();
  };
  return (
    <>
      <p>
        <button type="button" onClick={reload}>
          Ask again
        </button>
      </p>
      <h2>Incidents of clients</h2>
      <PulledView of={incidents}>{(value) => <Incidents of={value.incidents} />}</PulledView>
      <h2>Warnings of processes</h2>
      <PulledView of={warnings}>
        {(value) => (
          <Table
            label="Warnings"
            columns={["Last", { number: "Times" }, "Process", "Level", "Message", "Details"]}
            rows={value.warnings.map(({ at, times, process, level, message, details }) => [
              timeText(at),
              times,
              process,
              level,
              message,
              <pre key="details">{details}</pre>,
            ])}
            none="There is no warning."
          />
        )}
      </PulledView>
    </>
  );
}
