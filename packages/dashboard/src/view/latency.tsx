/**
 * A latency histogram: a bar for each bound, and the quantiles as text for readers that see no bars.
 */
import type { JSX } from "preact";
import { boundText, type Histogram, quantile } from "../data/latencies.js";
import { countText } from "../data/texts.js";

interface LatencyProps {
  readonly title: string;
  readonly of: Histogram;
  /** What is said where nothing was counted. */
  readonly none: string;
}

const WIDTH = 340;
const HEIGHT = 80;
const GAP = 2;

export function Latency({ title, of, none }: LatencyProps): JSX.Element {
  const { bounds, counts, total } = of;
  const last = bounds.at(-1) ?? 0;
  const most = Math.max(1, ...counts);
  const step = WIDTH / counts.length;
  const text = (share: number): string => boundText(quantile(of, share), last);
  return (
    <figure>
      <figcaption>
        {title}:{" "}
        {total === 0 ? (
          none
        ) : (
          <>
            half <strong>{text(0.5)}</strong>, 99 % <strong>{text(0.99)}</strong>, of {countText(total)}
          </>
        )}
      </figcaption>
      {total > 0 && (
        <>
          <svg class="bars" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
            {counts.map((count, place) => {
              const height = count === 0 ? 0 : Math.max(2, (count / most) * HEIGHT);
              return (
                <rect key={place} x={place * step} y={HEIGHT - height} width={step - GAP} height={height} />
              );
            })}
          </svg>
          <p class="ends dim" aria-hidden="true">
            <span>{boundText(bounds[0], last)}</span>
            <span>{boundText(Number.POSITIVE_INFINITY, last)}</span>
          </p>
        </>
      )}
    </figure>
  );
}
