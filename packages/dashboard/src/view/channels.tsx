/**
 * The page Channels: those with subscribers in pages, the busiest of them, or one in full.
 */
import type { JSX } from "preact";
import type { AdminClient } from "../api/admin-client.js";
import type { ChannelsAnswer, SurveyAnswer } from "../data/answers.js";
import { hashOf, queryText } from "../data/route.js";
import { rateText } from "../data/texts.js";
import { ChannelReport } from "./channel-report.js";
import { field, PulledView, Table, usePulled } from "./parts.js";

const PAGE = 100;

interface ChannelsProps {
  readonly client: AdminClient;
  readonly params: Readonly<Record<string, string>>;
}

export function Channels({ client, params }: ChannelsProps): JSX.Element {
  const { prefix, after, channel } = params;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    location.hash = hashOf("channels", { prefix: field(event, "prefix") });
  };
  return (
    <>
      <form onSubmit={submit}>
        <label>
          Name begins with
          <input name="prefix" defaultValue={prefix ?? ""} />
        </label>
        <button type="submit">Search</button>
      </form>
      {channel === undefined ? (
        <Listed client={client} prefix={prefix} after={after} />
      ) : (
        <ChannelReport client={client} channel={channel} />
      )}
    </>
  );
}

interface ListedProps {
  readonly client: AdminClient;
  readonly prefix: string | undefined;
  readonly after: string | undefined;
}

function Listed({ client, prefix, after }: ListedProps): JSX.Element {
  const query = queryText({ limit: String(PAGE), prefix, after });
  const [page] = usePulled(query, () => client.get<ChannelsAnswer>(`/api/channels?${query}`));
  const [survey] = usePulled("survey", () => client.get<SurveyAnswer>("/api/survey"));
  return (
    <>
      <h2>The busiest</h2>
      <PulledView of={survey}>
        {({ busiest }) => (
          <Table
            label="The busiest channels"
            columns={["Channel", { number: "Subscribers" }, { number: "Publications" }]}
            rows={busiest.map(({ channel, subscribers, rate }) => [
              <ChannelLink key="channel" name={channel} />,
              subscribers,
              rateText(rate),
            ])}
            none="No channel had a publication lately."
          />
        )}
      </PulledView>
      <h2>Sessions with most channels</h2>
      <PulledView of={survey}>
        {({ widest }) => (
          <Table
            label="Sessions with most channels"
            columns={["Session", "User", { number: "Channels" }]}
            rows={widest.map(({ session, user, channels }) => [
              <a key="session" href={hashOf("connections", { session })}>
                {session}
              </a>,
              user ?? "–",
              channels,
            ])}
            none="No session holds a channel."
          />
        )}
      </PulledView>
      <h2>With subscribers on this instance</h2>
      <PulledView of={page}>
        {({ channels, next }) => (
          <>
            <Table
              label="Channels"
              columns={["Channel", { number: "Subscribers" }]}
              rows={channels.map(({ channel, subscribers }) => [
                <ChannelLink key="channel" name={channel} />,
                subscribers,
              ])}
              none="No such channel has a subscriber on this instance."
            />
            {next !== undefined && <a href={hashOf("channels", { prefix, after: next })}>Next page</a>}
          </>
        )}
      </PulledView>
    </>
  );
}

function ChannelLink({ name }: { readonly name: string }): JSX.Element {
  return <a href={hashOf("channels", { channel: name })}>{name}</a>;
}
