/**
 * Prometheus' text format, as far as the gateway's /metrics uses it.
 */

export interface MetricLine {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Every sample in `text`; what is no sample is passed over. */
export function parseMetrics(text: string): MetricLine[] {
  const found: MetricLine[] = [];
  for (const line of text.split("\n")) {
    const [, name, labels = "", value = ""] = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    if (name === undefined) continue;
    const number = value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value);
    if (!Number.isNaN(number)) found.push({ name, labels: parseLabels(labels), value: number });
  }
  return found;
}

function parseLabels(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", value = ""]) => [key, value]),
  );
}
