/**
 * The reports of a machine and its gateway, one each minute.
 *
 * Invariant: a gateway that does not answer does not hide the machine; a failure is said once, as long as it
 * is the same.
 */
import { readFile } from "node:fs/promises";
import { AGENT } from "@holdfast/platform";
import type { AgentLog } from "./agent.js";
import type { LocalGateway } from "./local-gateway.js";
import { defaultInterface, type MachineCounters, readMachine } from "./machine-counters.js";
import { gatewayData, machineData } from "./report.js";
import type { Reporter } from "./reporter.js";

export class Reports {
  readonly #gateway: LocalGateway;
  readonly #reporter: Reporter | undefined;
  readonly #log: AgentLog;
  #sentAt = Number.NEGATIVE_INFINITY;
  #before: MachineCounters | undefined;
  #failure: string | undefined;

  constructor(gateway: LocalGateway, reporter: Reporter | undefined, log: AgentLog) {
    this.#gateway = gateway;
    this.#reporter = reporter;
    this.#log = log;
  }

  /** Reports when the last report is an interval old. `now`: monotonic, ms. Never rejects. */
  async turn(now: number): Promise<void> {
    if (this.#reporter === undefined || now - this.#sentAt < AGENT.intervalSeconds * 1000) return;
    this.#sentAt = now;
    try {
      const routes = await readFile("/proc/net/route", "utf8").catch(() => "");
      const machine = await readMachine(defaultInterface(routes));
      const text = await this.#gateway.metrics().catch(() => "");
      const data = [...gatewayData(text), ...machineData(machine, this.#before)];
      this.#before = machine;
      if (data.length > 0) await this.#reporter.send(data);
      this.#failure = undefined;
    } catch (error) {
      const sentence = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      if (sentence !== this.#failure) this.#log.warn(`report: ${sentence}; the next one is due in a minute`);
      this.#failure = sentence;
    }
  }
}
