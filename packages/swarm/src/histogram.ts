/**
 * Durations in microseconds, in buckets that are at most 1/32 wide: small enough to send, exact enough for a
 * p99.
 *
 * Invariant: a quantile is never below the true one and at most 1/32 above it. Beyond 2^36 µs (19 hours) the
 * last bucket takes everything.
 */

const SUB_BITS = 5;
const SUB = 1 << SUB_BITS;
const MAX_EXPONENT = 36;
const BUCKETS = (MAX_EXPONENT - SUB_BITS + 1) * SUB;

/** Bucket and count in turn, for those that are not empty. */
export type SparseHistogram = readonly number[];

export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;
  #max = 0;

  get total(): number {
    return this.#total;
  }

  /** The largest value, to the microsecond where it was recorded here, to its bucket where it was merged. */
  get max(): number {
    return this.#max;
  }

  record(micros: number): void {
    const value = Math.max(0, Math.floor(micros));
    const bucket = bucketOf(value);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total++;
    if (value > this.#max) this.#max = value;
  }

  /** The value that `share` of all are at or below; 0 when there are none. */
  quantile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank) return Math.min(upperBound(bucket), this.#max);
    }
    return 0;
  }

  merge(sparse: SparseHistogram): void {
    for (let at = 0; at + 1 < sparse.length; at += 2) {
      const [bucket = 0, count = 0] = [sparse[at], sparse[at + 1]];
      if (bucket < 0 || bucket >= BUCKETS) continue;
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
      this.#total += count;
      this.#max = Math.max(this.#max, upperBound(bucket));
    }
  }

  toSparse(): SparseHistogram {
    const sparse: number[] = [];
    this.#counts.forEach((count, bucket) => {
      if (count > 0) sparse.push(bucket, count);
    });
    return sparse;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
    this.#max = 0;
  }
}

function bucketOf(value: number): number {
  if (value < SUB) return value;
  const exponent = Math.floor(Math.log2(value));
  if (exponent >= MAX_EXPONENT) return BUCKETS - 1;
  const within = Math.floor(value / 2 ** (exponent - SUB_BITS)) - SUB;
  return (exponent - SUB_BITS + 1) * SUB + within;
}

/** The largest whole number in a bucket. */
function upperBound(bucket: number): number {
  if (bucket < SUB) return bucket;
  const exponent = Math.floor(bucket / SUB) + SUB_BITS - 1;
  return (SUB + (bucket % SUB) + 1) * 2 ** (exponent - SUB_BITS) - 1;
}
