/**
 * Reads Prometheus' text format, as far as tests need it.
 */

/** The sum of a metric's samples whose labels include the given ones. Throws when there is none. */
export function metric(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const found = samples(text, name).filter(({ labels: has }) =>
    Object.entries(labels).every(([key, value]) => has[key] === value),
  );
  if (found.length === 0) throw new Error(`no metric ${name} ${JSON.stringify(labels)} in\n${text}`);
  return found.reduce((sum, { value }) => sum + value, 0);
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function samples(text: string, name: string): readonly Sample[] {
  const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
  const found: Sample[] = [];
  for (const each of text.split("\n")) {
    const [, named, labels = "", value] = line.exec(each) ?? [];
    if (named !== name) continue;
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, of]) => [key, of]);
    found.push({ labels: Object.fromEntries(pairs), value: Number(value) });
  }
  return found;
}
