import { EventEmitter } from "node:events";
import { expect, it } from "@jest/globals";
import { onStopSignals } from "./stop-signals.js";

class Source extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

function setUp() {
  const source = new Source();
  const time = { ms: 5_000 };
  const done: string[] = [];
  const letGo = onStopSignals(
    {
      stop: (signal) => done.push(signal),
      abort: async () => done.push("abort"),
    },
    source,
    () => time.ms,
  );
  return { source, time, done, letGo };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it("asks for a stop at the first signal, ends everything at the second, and itself at the third", async () => {
  const { source, done } = setUp();
  source.emit("SIGTERM", "SIGTERM");
  expect([done, source.exits]).toEqual([["SIGTERM"], []]);
  source.emit("SIGINT", "SIGINT");
  await turn();
  expect([done, source.exits]).toEqual([["SIGTERM", "abort"], [130]]);
  source.emit("SIGTERM", "SIGTERM");
  expect([done, source.exits]).toEqual([
    ["SIGTERM", "abort"],
    [130, 143],
  ]);
});

it("takes the same signal within a second for the same wish, and a later one for another", async () => {
  const { source, time, done } = setUp();
  source.emit("SIGINT", "SIGINT");
  for (const ms of [0, 4, 300, 690]) {
    time.ms += ms;
    source.emit("SIGINT", "SIGINT");
  }
  expect([done, source.exits]).toEqual([["SIGINT"], []]);
  time.ms += 10;
  source.emit("SIGINT", "SIGINT");
  await turn();
  expect([done, source.exits]).toEqual([["SIGINT", "abort"], [130]]);
});

it("lets the signals go again", () => {
  const { source, letGo } = setUp();
  letGo();
  expect(source.listenerCount("SIGTERM") + source.listenerCount("SIGINT")).toBe(0);
});
