/**
 * What several pages are made of: tables, figures, failures, and what is pulled from the gateway.
 */
import type { ComponentChildren, JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";

/** What a page pulled. */
export type Pulled<Value> =
  | { readonly kind: "pulling" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "there"; readonly value: Value };

/** Pulls when the page opens and whenever `key` changes. The second value pulls again. */
export function usePulled<Value>(key: string, pull: () => Promise<Value>): [Pulled<Value>, () => void] {
  const [pulled, set] = useState<Pulled<Value>>({ kind: "pulling" });
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isWanted = true;
    pull().then(
      (value) => isWanted && set({ kind: "there", value }),
      (error: unknown) => isWanted && set({ kind: "failed", message: messageOf(error) }),
    );
    return () => {
      isWanted = false;
    };
  }, [key, round]);
  return [pulled, useCallback(() => setRound((before) => before + 1), [])];
}

interface PulledViewProps<Value> {
  readonly of: Pulled<Value>;
  readonly children: (value: Value) => ComponentChildren;
}

export function PulledView<Value>({ of, children }: PulledViewProps<Value>): JSX.Element {
  if (of.kind === "pulling") return <p class="dim">Asking the gateway…</p>;
  if (of.kind === "failed") return <Failed problem={of.message} />;
  return <>{children(of.value)}</>;
}

export function Failed({ problem }: { readonly problem: string | undefined }): JSX.Element {
  return (
    <p class="bad" role="alert">
      {problem ?? ""}
    </p>
  );
}

/** Name, value. */
export type Figure = readonly [name: string, value: string];

export function Figures({ of }: { readonly of: readonly Figure[] }): JSX.Element {
  return (
    <dl class="figures">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A column's head; `number` aligns it to the right. */
export type Column = string | { readonly number: string };

interface TableProps {
  /** What the table is of. */
  readonly label: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly ComponentChildren[])[];
  /** What is said where there is no row. */
  readonly none: string;
}

export function Table({ label, columns, rows, none }: TableProps): JSX.Element {
  if (rows.length === 0) return <p class="dim">{none}</p>;
  const classOf = (column: Column | undefined): string | undefined =>
    typeof column === "object" ? "number" : undefined;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard.
    <section class="scroll" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => {
              const name = typeof column === "object" ? column.number : column;
              return (
                <th key={name} scope="col" class={classOf(column)}>
                  {name}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, column) => (
                <td key={column} class={classOf(columns[column])}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** What a form's field says, trimmed. */
export function field(event: SubmitEvent, name: string): string {
  const value = new FormData(event.currentTarget as HTMLFormElement).get(name);
  return typeof value === "string" ? value.trim() : "";
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
