/**
 * What the swarm broadcasts: which run and round it is, and when it was sent.
 *
 * The time is that of the machine's monotonic clock, which all processes of one machine share; so sender and
 * receivers are on one machine. Invariant: `findStamp` finds what `stampedData` made, wherever it stands in a
 * message.
 */

export interface Stamp {
  readonly run: string;
  readonly round: number;
  readonly sentMicros: number;
}

/** JSON text. */
export function stampedData({ run, round, sentMicros }: Stamp): string {
  return `{"swarm":"${run}","round":${round},"at":${Math.floor(sentMicros)}}`;
}

/** The stamps of this run in `text`, in their order. Others' are passed over. */
export function findStamps(text: string, run: string): Stamp[] {
  const found: Stamp[] = [];
  for (const [, whose, round, at] of text.matchAll(
    /\{"swarm":"([0-9a-z]{1,32})","round":(\d{1,9}),"at":(\d{1,16})\}/g,
  )) {
    if (whose === run) found.push({ run, round: Number(round), sentMicros: Number(at) });
  }
  return found;
}

/** Microseconds of the machine's monotonic clock. */
export function monotonicMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
