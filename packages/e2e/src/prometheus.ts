/**
 * A real Prometheus on the files of deploy/prometheus: the shipped scrape configuration and rules, with the
 * addresses of a test, a short interval, and each `for` shortened. Expressions stay as they are.
 *
 * Invariant: no process and no file outlives `close()`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { Program, REPOSITORY } from "./program.js";

export const PROMETHEUS_FILES = join(REPOSITORY, "deploy/prometheus");

/** Between two scrapes, and between two evaluations. */
const INTERVAL = "1s";
const ATTEMPTS = 5;

export interface Alert {
  readonly state: "pending" | "firing";
  readonly labels: Readonly<Record<string, string>>;
}

export class Prometheus {
  readonly #program: Program;
  readonly #url: string;
  readonly #directory: string;

  private constructor(program: Program, url: string, directory: string) {
    this.#program = program;
    this.#url = url;
    this.#directory = directory;
  }

  /** `executable`: its path; `targets`: `host:port` of admin ports. */
  static async start(executable: string, targets: readonly string[]): Promise<Prometheus> {
    for (let attempt = 1; ; attempt++) {
      const directory = mkdtempSync(join(tmpdir(), "holdfast-prometheus-"));
      writeFileSync(join(directory, "prometheus.yml"), configuration(targets));
      writeFileSync(join(directory, "holdfast.rules.yml"), hurriedRules());
      const address = `127.0.0.1:${await freePorts(1)}`;
      const program = Program.start(executable, [
        `--config.file=${join(directory, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(directory, "data")}`,
        `--web.listen-address=${address}`,
      ]);
      const prometheus = new Prometheus(program, `http://${address}`, directory);
      try {
        await prometheus.#ready();
        return prometheus;
      } catch (error) {
        await prometheus.close();
        // A free port may be taken again by the time Prometheus asks for it.
        if (attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** All alerts that are pending or firing. */
  async alerts(): Promise<readonly Alert[]> {
    const { alerts } = (await this.#ask("/api/v1/alerts")) as { alerts: readonly Alert[] };
    return alerts;
  }

  /** How many scrapes have been answered by every target. */
  async scrapes(): Promise<number> {
    const query = encodeURIComponent("min(sum_over_time(up[1h]))");
    const { result } = (await this.#ask(`/api/v1/query?query=${query}`)) as {
      result: readonly { readonly value: readonly [number, string] }[];
    };
    return Number(result[0]?.value[1] ?? 0);
  }

  async close(): Promise<void> {
    await this.#program.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #ask(path: string): Promise<unknown> {
    const response = await fetch(new URL(path, this.#url));
    return ((await response.json()) as { readonly data: unknown }).data;
  }

  async #ready(): Promise<void> {
    await eventually("Prometheus is ready", async () => {
      if (this.#program.ending !== undefined) return true;
      return (await fetch(new URL("/-/ready", this.#url))).status === 200;
    });
    if (this.#program.ending !== undefined) throw new Error(`Prometheus ended: ${this.#program.output}`);
  }
}

/** The names of the shipped alerts. */
export function alertNames(): readonly string[] {
  const rules = readFileSync(join(PROMETHEUS_FILES, "holdfast.rules.yml"), "utf8");
  return [...rules.matchAll(/^ {6}- alert: (\w+)$/gm)].map(([, name = ""]) => name);
}

function configuration(targets: readonly string[]): string {
  const shipped = readFileSync(join(PROMETHEUS_FILES, "prometheus.yml"), "utf8");
  const text = shipped
    .replace(/(scrape|evaluation)_interval: \d+s/g, `$1_interval: ${INTERVAL}`)
    .replace(/- targets: \[.*\]/, `- targets: ${JSON.stringify(targets)}`);
  for (const wanted of [`scrape_interval: ${INTERVAL}`, JSON.stringify(targets)])
    if (!text.includes(wanted)) throw new Error(`prometheus.yml takes no ${wanted}`);
  return text;
}

function hurriedRules(): string {
  const shipped = readFileSync(join(PROMETHEUS_FILES, "holdfast.rules.yml"), "utf8");
  return shipped.replace(/^ {8}for: \d+m$/gm, `        for: ${INTERVAL}`);
}
