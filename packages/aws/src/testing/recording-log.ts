/** A log that keeps what was said. */
import type { AgentLog } from "../agent.js";

export class RecordingLog implements AgentLog {
  readonly lines: string[] = [];

  info(message: string): void {
    this.lines.push(message);
  }

  warn(message: string): void {
    this.lines.push(`warning: ${message}`);
  }
}
