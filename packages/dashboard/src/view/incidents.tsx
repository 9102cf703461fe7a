/**
 * A table of incidents, with the ways to their clients.
 */
import type { JSX } from "preact";
import type { IncidentAnswer } from "../data/answers.js";
import { hashOf } from "../data/route.js";
import { timeText } from "../data/texts.js";
import { Table } from "./parts.js";

const COLUMNS = ["Last", { number: "Times" }, "What", "Code", "Client", "Address", "Channel", "Message"];

export function Incidents({ of }: { readonly of: readonly IncidentAnswer[] }): JSX.Element {
  const rows = of.map(({ at, times, kind, code, session, user, address, channel, message }) => [
    timeText(at),
    times,
    kind,
    code,
    session === undefined ? (
      (user ?? "–")
    ) : (
      <a href={hashOf("connections", { session })}>{user ?? session}</a>
    ),
    address === undefined ? "–" : <a href={hashOf("connections", { address })}>{address}</a>,
    channel === undefined ? "–" : <a href={hashOf("channels", { channel })}>{channel}</a>,
    message ?? "",
  ]);
  return <Table label="Incidents" columns={COLUMNS} rows={rows} none="There is no incident." />;
}
