/**
 * The page Why: for a user or a session and a channel, why its client did not get the publications.
 */
import type { JSX } from "preact";
import type { AdminClient } from "../api/admin-client.js";
import type { DeliveryAnswer } from "../data/answers.js";
import { clientParam, hashOf, queryText } from "../data/route.js";
import { field, PulledView, usePulled } from "./parts.js";

const MARKS = { fault: "Fault", note: "Note", ok: "Fine" } as const;

interface WhyProps {
  readonly client: AdminClient;
  readonly params: Readonly<Record<string, string>>;
}

export function Why({ client, params }: WhyProps): JSX.Element {
  const { user, session, channel } = params;
  const isAsked = channel !== undefined && (user ?? session) !== undefined;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const named = clientParam(field(event, "client"), field(event, "kind"));
    location.hash = hashOf("why", { ...named, channel: field(event, "channel") });
  };
  return (
    <>
      <form onSubmit={submit}>
        <label>
          Client named by
          <select name="kind" defaultValue={session === undefined ? "user" : "session"}>
            <option value="user">user</option>
            <option value="session">session</option>
          </select>
        </label>
        <label>
          User or session
          <input name="client" required defaultValue={user ?? session ?? ""} />
        </label>
        <label>
          Channel
          <input name="channel" required defaultValue={channel ?? ""} />
        </label>
        <button type="submit">Ask</button>
      </form>
      {isAsked && <Findings client={client} query={queryText({ user, session, channel })} />}
    </>
  );
}

function Findings({ client, query }: { readonly client: AdminClient; readonly query: string }): JSX.Element {
  const [pulled, again] = usePulled(query, () => client.get<DeliveryAnswer>(`/api/delivery?${query}`));
  return (
    <>
      <h2>Findings</h2>
      <PulledView of={pulled}>
        {({ findings, subscribers }) => (
          <>
            <ul class="findings">
              {findings.map(({ code, gravity, message }) => (
                <li key={`${code} ${message}`} class={gravity}>
                  <strong>{MARKS[gravity]}</strong> {message} <span class="dim">({code})</span>
                </li>
              ))}
            </ul>
            <p>Subscribers of the channel on this instance: {subscribers}.</p>
          </>
        )}
      </PulledView>
      <button type="button" onClick={again}>
        Ask again
      </button>
    </>
  );
}
