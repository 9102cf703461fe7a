/**
 * How subscriptions are distributed over channels, and publications over those.
 *
 * A distribution is a list of classes of channels that are alike; a hundred million channels by Zipf's law
 * are some two hundred classes. Pure. Invariant: shares of publications add up to 1, and no channel has more
 * subscribers than there are connections.
 */

export type Distribution =
  /** Every channel has as many subscribers as any other. */
  | { readonly kind: "uniform" }
  /** The channel of rank k has 1/k^exponent of the first one's subscribers. */
  | { readonly kind: "zipf"; readonly exponent: number }
  /** One channel of all connections. */
  | { readonly kind: "broadcast" };

/** Which channels are published to. */
export type PublishedTo =
  /** Each as often as any other. */
  | "evenly"
  /** A channel with twice the subscribers twice as often. */
  | "by-subscribers";

export interface ChannelClass {
  readonly channels: number;
  /** Of each. */
  readonly subscribers: number;
  /** Of all publications, those to the class. */
  readonly publicationShare: number;
}

export interface DistributionInput {
  readonly connections: number;
  readonly channels: number;
  readonly channelsPerConnection: number;
  readonly distribution: Distribution;
  readonly publishedTo: PublishedTo;
}

/** Ranks up to this one are classes of their own. */
const SINGLE_RANKS = 32;
/** Beyond, a class spans so many times its first rank. */
const SPAN = 1.1;

export function channelClasses(input: DistributionInput): ChannelClass[] {
  const { connections, channels, channelsPerConnection, distribution, publishedTo } = input;
  if (distribution.kind === "broadcast") {
    return [{ channels: 1, subscribers: connections, publicationShare: 1 }];
  }
  const subscriptions = connections * channelsPerConnection;
  const exponent = distribution.kind === "uniform" ? 0 : distribution.exponent;
  const ranges = exponent === 0 ? [{ first: 1, last: channels }] : rankRanges(channels);
  const weights = ranges.map(({ first, last }) => sumOfPowers(first, last, exponent));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const classes = ranges.map(({ first, last }, index) => {
    const count = last - first + 1;
    const even = (subscriptions * (weights[index] ?? 0)) / all / count;
    return { channels: count, subscribers: Math.min(connections, even) };
  });
  const share = (each: (typeof classes)[number]): number =>
    publishedTo === "evenly" ? each.channels : each.channels * each.subscribers;
  const total = classes.reduce((sum, each) => sum + share(each), 0);
  return classes.map((each) => ({ ...each, publicationShare: share(each) / total }));
}

/** Subscribers that a publication has, on average. */
export function meanFanOut(classes: readonly ChannelClass[]): number {
  return classes.reduce((sum, { subscribers, publicationShare }) => sum + subscribers * publicationShare, 0);
}

/** Of places over which subscribers are spread, those that have one of a publication's, on average. */
export function meanInterested(classes: readonly ChannelClass[], places: number): number {
  return classes.reduce(
    (sum, { subscribers, publicationShare }) =>
      sum + publicationShare * places * (1 - (1 - 1 / places) ** subscribers),
    0,
  );
}

function rankRanges(channels: number): { readonly first: number; readonly last: number }[] {
  const ranges: { first: number; last: number }[] = [];
  for (let first = 1; first <= channels; ) {
    const last = first < SINGLE_RANKS ? first : Math.min(channels, Math.floor(first * SPAN));
    ranges.push({ first, last });
    first = last + 1;
  }
  return ranges;
}

/** Sum of k^-exponent for k from `first` to `last`: added up where they are few, else by their integral. */
function sumOfPowers(first: number, last: number, exponent: number): number {
  if (exponent === 0) return last - first + 1;
  if (last - first < SINGLE_RANKS) {
    let sum = 0;
    for (let rank = first; rank <= last; rank++) sum += rank ** -exponent;
    return sum;
  }
  const integral = (rank: number): number =>
    exponent === 1 ? Math.log(rank) : rank ** (1 - exponent) / (1 - exponent);
  return integral(last + 0.5) - integral(first - 0.5);
}
