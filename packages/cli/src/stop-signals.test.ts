import { EventEmitter } from "node:events";
import { expect, it } from "@jest/globals";
import { onStopSignals } from "./stop-signals.js";

class Source extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

it("asks for a stop at the first signal and ends at the second", () => {
  const source = new Source();
  const stops: string[] = [];
  onStopSignals((signal) => stops.push(signal), source);
  source.emit("SIGTERM", "SIGTERM");
  expect([stops, source.exits]).toEqual([["SIGTERM"], []]);
  source.emit("SIGINT", "SIGINT");
  expect([stops, source.exits]).toEqual([["SIGTERM"], [130]]);
  source.emit("SIGTERM", "SIGTERM");
  expect(source.exits).toEqual([130, 143]);
});

it("lets the signals go again", () => {
  const source = new Source();
  onStopSignals(() => {}, source)();
  expect(source.listenerCount("SIGTERM") + source.listenerCount("SIGINT")).toBe(0);
});
