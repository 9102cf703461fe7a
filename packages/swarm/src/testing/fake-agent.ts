/**
 * An agent without a process: it is ready at once, opens whatever it is told to, and dies when a test says
 * so.
 */
import type { AgentLinkEvents, OpenLink } from "../fleet/agent-link.js";
import type { AgentOrders, AgentReport, ToAgent } from "../messages.js";

const SILENT: Omit<AgentReport, "connected"> = {
  givenUp: 0,
  lost: 0,
  over: 0,
  again: 0,
  cpuMicros: 0,
  memoryBytes: 0,
  failures: {},
  pings: 0,
  handshakes: [],
  sent: 0,
  refused: 0,
  heard: 0,
  hearing: [],
  answering: [],
};

export class FakeAgent {
  orders: AgentOrders | undefined;
  connected = 0;
  readonly heard: ToAgent[] = [];
  readonly host: string;
  readonly #events: AgentLinkEvents;

  private constructor(host: string, events: AgentLinkEvents) {
    this.host = host;
    this.#events = events;
  }

  /** Opens links of a host; the agents go into `all`. */
  static opener(host: string, all: FakeAgent[]): OpenLink {
    return async (events) => {
      const agent = new FakeAgent(host, events);
      all.push(agent);
      return {
        host,
        pid: 0,
        send: (message) => void Promise.resolve().then(() => agent.#take(message)),
        kill: () => agent.die("killed"),
      };
    };
  }

  die(how: string): void {
    this.#events.ended(how);
  }

  /** Reports as an agent does. */
  report(changes: Partial<AgentReport> = {}): void {
    this.#events.message({ is: "report", ...SILENT, connected: this.connected, ...changes });
  }

  #take(message: ToAgent): void {
    this.heard.push(message);
    switch (message.do) {
      case "prepare":
        this.orders = message.orders;
        return this.#events.message({ is: "ready" });
      case "clock":
        return this.#events.message({ is: "clock", id: message.id, micros: 0 });
      case "open":
        this.connected += message.count;
        return this.report();
      case "close":
        this.connected -= message.count;
        // As a process does, a moment later.
        setTimeout(() => this.report(), 100);
        return;
      case "end":
        return this.die("code 0");
      default:
        return;
    }
  }
}
