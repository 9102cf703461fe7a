/**
 * The page Connections: all sessions in pages, the slowest of them, or those of one client in full.
 */
import type { JSX } from "preact";
import type { AdminClient } from "../api/admin-client.js";
import type { ConnectionsAnswer, SurveyAnswer } from "../data/answers.js";
import { clientParam, hashOf, queryText } from "../data/route.js";
import { bytesText, durationText, percentText } from "../data/texts.js";
import { ClientReport } from "./client-report.js";
import { field, PulledView, Table, usePulled } from "./parts.js";

const PAGE = 100;

interface ConnectionsProps {
  readonly client: AdminClient;
  readonly params: Readonly<Record<string, string>>;
}

export function Connections({ client, params }: ConnectionsProps): JSX.Element {
  const { user, session, address, after } = params;
  const kind = address !== undefined ? "address" : session !== undefined ? "session" : "user";
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const text = field(event, "client");
    location.hash = hashOf("connections", text === "" ? {} : clientParam(text, field(event, "kind")));
  };
  const query = queryText({ user, session });
  return (
    <>
      <form onSubmit={submit}>
        <label>
          Search by
          <select name="kind" defaultValue={kind}>
            <option value="user">user</option>
            <option value="session">session</option>
            <option value="address">address</option>
          </select>
        </label>
        <label>
          User, session or address
          <input name="client" defaultValue={user ?? session ?? address ?? ""} />
        </label>
        <button type="submit">Search</button>
      </form>
      {query === "" ? (
        <Listed client={client} address={address} after={after} />
      ) : (
        <ClientReport client={client} query={query} />
      )}
    </>
  );
}

interface ListedProps {
  readonly client: AdminClient;
  /** Undefined: from everywhere. */
  readonly address: string | undefined;
  readonly after: string | undefined;
}

function Listed({ client, address, after }: ListedProps): JSX.Element {
  const query = queryText({ limit: String(PAGE), address, after });
  const [page] = usePulled(query, () => client.get<ConnectionsAnswer>(`/api/connections?${query}`));
  const [survey] = usePulled("survey", () => client.get<SurveyAnswer>("/api/survey"));
  return (
    <>
      {address === undefined && (
        <>
          <h2>The slowest</h2>
          <PulledView of={survey}>{(value) => <Slowest of={value} />}</PulledView>
        </>
      )}
      <h2>{address === undefined ? "Sessions" : `Sessions from ${address}`}</h2>
      <PulledView of={page}>
        {({ connections, next, isCut }) => (
          <>
            {isCut && <p class="bad">There was no time to look at all connections: there may be more.</p>}
            <Table
              label="Sessions"
              columns={["Session", "User", "Address", { number: "Subscriptions" }, "Channels"]}
              rows={connections.map((each) => [
                <a key="session" href={hashOf("connections", { session: each.session })}>
                  {each.session}
                </a>,
                each.user ?? "–",
                each.address ?? "–",
                each.subscriptions,
                each.channels.join(", "),
              ])}
              none={
                address === undefined
                  ? "No session is connected to this instance."
                  : "No session from this address is connected to this instance."
              }
            />
            {next !== undefined && <a href={hashOf("connections", { address, after: next })}>Next page</a>}
          </>
        )}
      </PulledView>
    </>
  );
}

function Slowest({ of }: { readonly of: SurveyAnswer }): JSX.Element {
  const rows = of.slowest.map(({ id, user, bytes, ageMs, fill, skipped, behind }) => [
    <a key="session" href={hashOf("connections", { session: id })}>
      {id}
    </a>,
    user ?? "–",
    bytesText(bytes),
    durationText(ageMs),
    percentText(fill),
    skipped,
    behind.join(", "),
  ]);
  const numbers = ["Outbox", "Oldest waits", "Full", "Left out"].map((number) => ({ number }));
  return (
    <>
      <p>
        {of.waiting} connections have bytes waiting, {bytesText(of.outboxBytes)} together.
      </p>
      <Table
        label="The slowest connections"
        columns={["Session", "User", ...numbers, "Behind on"]}
        rows={rows}
        none="Every client keeps up."
      />
    </>
  );
}
