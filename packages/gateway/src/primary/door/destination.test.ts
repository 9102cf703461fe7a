import { describe, expect, it } from "@jest/globals";
import type { PendingSocket } from "../../admission/pending-socket.js";
import { FakeWorkerProcess } from "../testing/fake-worker-process.js";
import { Destination } from "./destination.js";

function setUp(queued = 0): { worker: FakeWorkerProcess; destination: Destination } {
  const worker = new FakeWorkerProcess(0);
  worker.queued = Array.from({ length: queued }, () => ({}) as PendingSocket);
  return { worker, destination: new Destination(worker.process, 100, () => false) };
}

describe("a destination", () => {
  it("has room for 32 in its queue, and owes the others what sessions queue beyond", () => {
    expect([0, 28, 32, 68].map((queued) => setUp(queued).destination.room)).toEqual([32, 4, 0, -36]);
  });

  it("has none, and owes none, while it is not ready or stuck", () => {
    const { worker, destination } = setUp(100);
    worker.state = "draining";
    expect(destination.room).toBe(0);
    worker.state = "ready";
    worker.waitingMs = 1_001;
    destination.check(0);
    expect(destination.room).toBe(0);
  });

  it("is stuck while a socket waits for it for more than a second, and no longer", () => {
    const { worker, destination } = setUp();
    for (const [waitingMs, stuck] of [
      [1_000, false],
      [1_001, true],
      [5_000, true],
      [0, false],
    ] as const) {
      worker.waitingMs = waitingMs;
      expect(destination.check(10_000)).toBe(stuck);
      expect(destination.stuck).toBe(stuck);
    }
  });

  it("rests for a second after it could not receive a socket; what is queued for it stays", () => {
    const { destination } = setUp();
    destination.rest(500);
    const looks = [600, 1_499, 1_500].map((now) => [destination.check(now), destination.stuck]);
    expect(looks).toEqual([
      [false, true],
      [false, true],
      [false, false],
    ]);
  });
});
