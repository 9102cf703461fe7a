/**
 * One client in full: its connections, what each is subscribed to and where it stands, its outbox, its
 * incidents. And the order to disconnect it.
 */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { AdminClient } from "../api/admin-client.js";
import type { ConnectionAnswer, ReportAnswer } from "../data/answers.js";
import { hashOf } from "../data/route.js";
import { bytesText, durationText, percentText, timeText } from "../data/texts.js";
import { Incidents } from "./incidents.js";
import { Failed, Figures, messageOf, PulledView, Table, usePulled } from "./parts.js";

interface ClientReportProps {
  readonly client: AdminClient;
  /** `user=…` or `session=…`. */
  readonly query: string;
}

export function ClientReport({ client, query }: ClientReportProps): JSX.Element {
  const [pulled, again] = usePulled(query, () => client.get<ConnectionAnswer>(`/api/connection?${query}`));
  return (
    <>
      <PulledView of={pulled}>
        {({ connections, incidents }) => (
          <>
            {connections.length === 0 && <p>No connection of this client is on this instance.</p>}
            {connections.map((each) => (
              <Report key={each.session} client={client} of={each} done={again} />
            ))}
            <h2>Incidents of this client</h2>
            <Incidents of={incidents} />
          </>
        )}
      </PulledView>
      <p>
        <button type="button" onClick={again}>
          Ask again
        </button>
      </p>
    </>
  );
}

interface ReportProps {
  readonly client: AdminClient;
  readonly of: ReportAnswer;
  readonly done: () => void;
}

function Report({ client, of, done }: ReportProps): JSX.Element {
  const { session, user, outbox, subscriptions, moreSubscriptions, expiresAt } = of;
  const rows = subscriptions.map(({ channel, position, slowPolicy, skipped }) => [
    <a key="channel" href={hashOf("channels", { channel })}>
      {channel}
    </a>,
    position === undefined ? "no history" : `${position.offset} of ${position.epoch}`,
    skipped,
    slowPolicy,
    <a key="why" href={hashOf("why", { session, channel })}>
      Why
    </a>,
  ]);
  return (
    <>
      <h2>Session {session}</h2>
      <Figures
        of={[
          ["User", user ?? "anonymous"],
          ["Address", of.address ?? "not known"],
          ["Token expires", expiresAt === undefined ? "never" : timeText(expiresAt)],
          ["Codec", of.codec],
          ["Silent for", durationText(of.silentMs)],
          ["Outbox", `${bytesText(outbox.bytes)}, ${percentText(outbox.fill)} full`],
          ["Oldest waits for", durationText(outbox.ageMs)],
          ["May resume", of.resumable ? "yes" : "no"],
        ]}
      />
      <Table
        label={`Subscriptions of ${session}`}
        columns={["Channel", "Position", { number: "Left out" }, "Slow policy", "Delivery"]}
        rows={rows}
        none="It is subscribed to nothing."
      />
      {moreSubscriptions > 0 && <p>And {moreSubscriptions} more.</p>}
      <Disconnect client={client} session={session} done={done} />
    </>
  );
}

interface DisconnectProps {
  readonly client: AdminClient;
  readonly session: string;
  readonly done: () => void;
}

function Disconnect({ client, session, done }: DisconnectProps): JSX.Element {
  const [problem, setProblem] = useState<string>();
  const disconnect = (): void => {
    if (!confirm(`Disconnect the session ${session}? Its client may come back by itself.`)) return;
    const order = { session, reason: "disconnected by an operator" };
    client.post("/api/disconnect", JSON.stringify(order)).then(done, (error: unknown) => {
      setProblem(messageOf(error));
    });
  };
  return (
    <div>
      <button type="button" class="danger" onClick={disconnect}>
        Disconnect
      </button>
      <Failed problem={problem} />
    </div>
  );
}
