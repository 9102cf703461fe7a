/**
 * The instances of the cluster: what each carries, what it should carry, and whether it sheds.
 */
import type { JSX } from "preact";
import type { RebalanceAnswer } from "../data/answers.js";
import { countText, percentText } from "../data/texts.js";
import { Table } from "./parts.js";

const COLUMNS = [
  "Instance",
  "State",
  ...["Connections", "Share", "Weight", "At most"].map((number) => ({ number })),
  "Sheds",
];

export function Instances({ of }: { readonly of: RebalanceAnswer }): JSX.Element {
  const { automatic, instances, spread, total } = of;
  const rows = instances.map((each) => [
    each.isAsked ? `${each.instance} (this one)` : each.instance,
    each.state,
    countText(each.connections),
    countText(each.share),
    each.weight,
    countText(each.capacity),
    each.sheds ? `yes, ${countText(each.away)} on their way` : "no",
  ]);
  return (
    <>
      <h2>Instances</h2>
      <p class="dim">
        {countText(total)} clients, spread {percentText(spread)} of the mean. A rebalance begins{" "}
        {automatic ? "by itself" : "by holdfast rebalance"}. {phaseText(of)}
      </p>
      <Table label="Instances" columns={COLUMNS} rows={rows} none="None has said what it carries." />
    </>
  );
}

/** What this instance does; a hold matters where a round waits for its end. */
function phaseText({ phase, hold }: RebalanceAnswer): string {
  if (phase === "shedding") return "This instance sends clients to others.";
  if (phase === "held") return `This instance would send clients to others, and waits. ${hold ?? ""}`;
  return "";
}
