/**
 * The columns of a cluster's instances: what each carries, and what it should carry.
 *
 * For `holdfast top`, `holdfast status` and `holdfast rebalance`.
 */
import type { InstanceShare } from "@holdfast/gateway";
import { grouped } from "../output/figures.js";
import type { SortableColumn } from "./columns.js";

export const INSTANCE_COLUMNS: readonly SortableColumn<InstanceShare>[] = Object.freeze([
  {
    title: "INSTANCE",
    cuts: true,
    text: ({ instance, isAsked }) => instance + (isAsked ? " *" : ""),
    value: ({ instance }) => instance,
  },
  { title: "STATE", rank: 2, text: ({ state }) => state, value: ({ state }) => state },
  figureColumn("CLIENTS", 0, "connections"),
  figureColumn("SHARE", 0, "share"),
  figureColumn("TOO MANY", 3, "over"),
  {
    title: "SHEDS",
    rank: 1,
    text: ({ sheds }) => (sheds ? "yes" : "no"),
    value: ({ sheds }) => Number(sheds),
  },
  {
    title: "WEIGHT",
    rank: 4,
    align: "right",
    text: ({ weight }) => String(weight),
    value: ({ weight }) => weight,
  },
  figureColumn("AT MOST", 5, "capacity"),
]);

function figureColumn(
  title: string,
  rank: number,
  name: "connections" | "share" | "over" | "capacity",
): SortableColumn<InstanceShare> {
  return {
    title,
    rank,
    align: "right",
    text: (share) => grouped(share[name]),
    value: (share) => share[name],
  };
}
