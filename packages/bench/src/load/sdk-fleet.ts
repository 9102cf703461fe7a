/**
 * Processes of SDK clients, or of Socket.IO's, driven together: `sdk-load.ts` says what each of them does.
 */
import { join } from "node:path";
import { LineProcess } from "../line-process.js";
import { BENCH } from "../packages.js";

export interface SdkReport {
  readonly clients: number;
  /** Publications that came, each counted once for each client. */
  readonly received: number;
  readonly repeated: number;
  readonly gaps: number;
  /** Clients without a connection now. */
  readonly away: number;
  /** Connections that were lost since the last report. */
  readonly sawOutage: number;
  /** From the network's return to the last publication, ms. */
  readonly catchUpP50: number;
  readonly catchUpP99: number;
  /** From the loss of a connection to the next, ms. */
  readonly absenceP50: number;
  readonly absenceP95: number;
  /** The fewest that were connected at once, over all processes (each looks every 20 ms). */
  readonly connectedAtLeast: number;
  readonly cpuMs: number;
}

/** Under the descriptor limit, and one event loop each. */
const CLIENTS_PER_PROCESS = 2_500;

export class SdkFleet {
  readonly #processes: readonly LineProcess[];

  private constructor(processes: readonly LineProcess[]) {
    this.#processes = processes;
  }

  /** `program`: whose clients. */
  static async start(
    port: number,
    channel: string,
    clients: number,
    program: "sdk-load" | "socket-io-load" = "sdk-load",
  ): Promise<SdkFleet> {
    const count = Math.ceil(clients / CLIENTS_PER_PROCESS);
    const args = [join(BENCH, "dist/load", `${program}.js`), String(port), channel];
    const started = await Promise.all(
      Array.from({ length: count }, () => LineProcess.start(process.execPath, args)),
    );
    const fleet = new SdkFleet(started.map((each) => each.process));
    const each = Math.ceil(clients / count);
    await fleet.#all(`connect ${each}`);
    return fleet;
  }

  get command(): string {
    return this.#processes[0]?.command ?? "";
  }

  /**
   * `known`: the clients are told that they are offline, as a browser tells them; `blind`: they have to find
   * out.
   */
  async offline(how: "known" | "blind"): Promise<void> {
    await this.#all(`offline ${how}`);
  }

  async online(): Promise<void> {
    await this.#all("online");
  }

  /** What all of them saw since the last report. Quantiles are those of the worst process. */
  async report(): Promise<SdkReport> {
    const reports = (await this.#all("report")) as unknown as SdkReport[];
    const sum = (of: (report: SdkReport) => number): number =>
      reports.reduce((total, each) => total + of(each), 0);
    const worst = (of: (report: SdkReport) => number): number => Math.max(...reports.map(of));
    return {
      clients: sum((each) => each.clients),
      received: sum((each) => each.received),
      repeated: sum((each) => each.repeated),
      gaps: sum((each) => each.gaps),
      away: sum((each) => each.away),
      sawOutage: sum((each) => each.sawOutage),
      catchUpP50: worst((each) => each.catchUpP50),
      catchUpP99: worst((each) => each.catchUpP99),
      absenceP50: worst((each) => each.absenceP50),
      absenceP95: worst((each) => each.absenceP95),
      connectedAtLeast: sum((each) => each.connectedAtLeast),
      cpuMs: sum((each) => each.cpuMs),
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((each) => each.stop()));
  }

  #all(line: string): Promise<readonly object[]> {
    return Promise.all(this.#processes.map((each) => each.ask(line)));
  }
}
