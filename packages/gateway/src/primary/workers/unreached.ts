/**
 * What of the broker cannot be reached, in sentences: of all its servers, each by itself.
 *
 * Invariant: nothing when the primary and all ready workers reach all of it.
 */
import { BROKER_PARTS, type Broker, partsAway } from "@holdfast/core";
import type { WorkerProcess } from "./worker-process.js";

export function unreached(
  broker: Pick<Broker, "state" | "apart">,
  ready: readonly Pick<WorkerProcess, "load">[],
): readonly string[] {
  const own = partsAway(broker.apart);
  const sentences = [
    sentence(
      "The broker",
      ready.filter(({ load }) => load.broker !== "ready").length,
      broker.state !== "ready",
    ),
  ];
  for (const part of BROKER_PARTS) {
    const away = ready.filter(({ load }) => load.partsAway?.includes(part) === true).length;
    sentences.push(sentence(`The broker of ${part}`, away, own.includes(part)));
  }
  return sentences.filter((each) => each !== undefined);
}

function sentence(what: string, workers: number, primary: boolean): string | undefined {
  if (workers === 0 && !primary) return undefined;
  return `${what} cannot be reached by ${workers === 0 ? "the primary" : `${workers} workers`}.`;
}
