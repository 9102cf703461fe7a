/**
 * A chart of the last hour. Its latest value stands beside it as text, for readers that see no canvas.
 */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { LastHour, SeriesName } from "../data/last-hour.js";

const HEIGHT = 120;

interface ChartProps {
  readonly title: string;
  readonly name: SeriesName;
  readonly latest: string;
  readonly hour: LastHour;
  /** Changes with each point. */
  readonly at: number;
}

export function Chart({ title, name, latest, hour, at }: ChartProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const colour = getComputedStyle(element);
    const axis = {
      stroke: colour.getPropertyValue("--dim"),
      grid: { stroke: colour.getPropertyValue("--line") },
    };
    const options: uPlot.Options = {
      width: element.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
      axes: [axis, { ...axis, size: 56 }],
      series: [{}, { stroke: colour.getPropertyValue("--accent"), width: 1.5, points: { show: false } }],
    };
    const made = new uPlot(options, hour.series(name), element);
    plot.current = made;
    const sized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    sized.observe(element);
    return () => {
      sized.disconnect();
      made.destroy();
    };
  }, [hour, name]);
  useEffect(() => plot.current?.setData(hour.series(name)), [at, hour, name]);
  return (
    <figure>
      <figcaption>
        {title}: <strong>{latest}</strong>
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}
