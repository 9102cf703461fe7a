/**
 * One channel in full: subscribers here, its history, who is in it, and a test message to it.
 */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { AdminClient } from "../api/admin-client.js";
import type { ChannelsAnswer, HistoryAnswer, PresenceAnswer } from "../data/answers.js";
import { hashOf, queryText } from "../data/route.js";
import { Failed, field, messageOf, PulledView, Table, usePulled } from "./parts.js";

const NEWEST = 20;
const MEMBERS = 100;
/** Characters shown of a publication's data. */
const MAX_SHOWN = 500;

interface ChannelReportProps {
  readonly client: AdminClient;
  readonly channel: string;
}

export function ChannelReport({ client, channel }: ChannelReportProps): JSX.Element {
  const found = queryText({ prefix: channel, limit: "1" });
  const past = queryText({ channel, limit: String(NEWEST), reverse: "true" });
  const present = queryText({ channel, limit: String(MEMBERS) });
  const [counted, countAgain] = usePulled(found, () => client.get<ChannelsAnswer>(`/api/channels?${found}`));
  const [history, readAgain] = usePulled(past, () => client.get<HistoryAnswer>(`/api/history?${past}`));
  const [presence, lookAgain] = usePulled(present, () =>
    client.get<PresenceAnswer>(`/api/presence?${present}`),
  );
  const again = (): void => {
    countAgain();
    readAgain();
    lookAgain();
  };
  return (
    <>
      <h2>Channel {channel}</h2>
      <PulledView of={counted}>
        {({ channels: [first] }) => (
          <p>Subscribers on this instance: {first?.channel === channel ? first.subscribers : 0}.</p>
        )}
      </PulledView>
      <TestMessage client={client} channel={channel} done={again} />
      <h2>History, the newest first</h2>
      <PulledView of={history}>
        {({ offset, epoch, publications }) => (
          <>
            <p>
              Newest offset {offset} of epoch {epoch}.
            </p>
            <Table
              label="History"
              columns={[{ number: "Offset" }, "Data"]}
              rows={publications.map((each) => [
                each.offset,
                <pre key="data">{(JSON.stringify(each.data) ?? "").slice(0, MAX_SHOWN)}</pre>,
              ])}
              none="It is empty."
            />
          </>
        )}
      </PulledView>
      <h2>Presence</h2>
      <PulledView of={presence}>{(value) => <Members of={value} />}</PulledView>
    </>
  );
}

function Members({ of: { users, sessions, members, next } }: { readonly of: PresenceAnswer }): JSX.Element {
  return (
    <>
      <p>
        {users} users in {sessions} sessions{next === undefined ? "" : `; the first ${members.length}`}.
      </p>
      <Table
        label="Members"
        columns={["Session", "User"]}
        rows={members.map(({ session, user }) => [
          <a key="session" href={hashOf("connections", { session })}>
            {session}
          </a>,
          user ?? "–",
        ])}
        none="No session is in it."
      />
    </>
  );
}

interface TestMessageProps extends ChannelReportProps {
  readonly done: () => void;
}

function TestMessage({ client, channel, done }: TestMessageProps): JSX.Element {
  const [problem, setProblem] = useState<string>();
  const [sent, setSent] = useState("");
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const data = field(event, "data");
    try {
      JSON.parse(data);
    } catch (error) {
      return setProblem(`The data is not JSON: ${messageOf(error)}. A text needs quotes.`);
    }
    // As it was written: encoded anew, numbers would be others.
    client.post("/api/publish", `{"channel":${JSON.stringify(channel)},"data":${data}}`).then(
      () => {
        setProblem(undefined);
        setSent("Published.");
        done();
      },
      (error: unknown) => {
        setSent("");
        setProblem(messageOf(error));
      },
    );
  };
  return (
    <form onSubmit={submit}>
      <label>
        Test message, any JSON
        <input name="data" required defaultValue='{"test": true}' />
      </label>
      <button type="submit">Publish to all subscribers</button>
      <span role="status">{sent}</span>
      <Failed problem={problem} />
    </form>
  );
}
