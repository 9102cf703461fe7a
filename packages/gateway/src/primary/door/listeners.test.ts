import { connect, type Socket } from "node:net";
import { FakeClock } from "@holdfast/core/testing";
import { afterEach, describe, expect, it } from "@jest/globals";
import type { ListenHandle, TcpHandle } from "../../runtime/tcp-handle.js";
import { ACCEPTING } from "../../runtime/tcp-listener.js";
import { FakeWorkerProcess } from "../testing/fake-worker-process.js";
import { until } from "../testing/primary-world.js";
import type { WorkerProcess } from "../workers/worker-process.js";
import { Listeners } from "./listeners.js";

let close: () => void = () => {};

async function open(): Promise<{ listeners: Listeners; accepted: TcpHandle[]; clock: FakeClock }> {
  const accepted: TcpHandle[] = [];
  const options = { host: "127.0.0.1", ports: [0, 0], backlog: 16 };
  const clock = new FakeClock();
  const accept = (handle: TcpHandle | undefined): void => {
    if (handle !== undefined) accepted.push(handle);
  };
  const listeners = await Listeners.open(options, accept, clock);
  close = () => {
    listeners.close();
    for (const handle of accepted) handle.close();
  };
  return { listeners, accepted, clock };
}

afterEach(() => close());

describe("listeners", () => {
  it("have each handle copied by one worker, and by another one when that is gone", async () => {
    const { listeners } = await open();
    const [first, second] = [new FakeWorkerProcess(0), new FakeWorkerProcess(1)];
    listeners.copyBy([]);
    listeners.copyBy([first.process]);
    listeners.copyBy([first.process, second.process]);
    expect([first.copying, second.copying]).toEqual([listeners.ports, []]);
    listeners.lost(first.process, [second.process]);
    expect(second.copying).toEqual(listeners.ports);
  });

  it("ask another worker for a copy that does not come", async () => {
    const { listeners, clock } = await open();
    const workers = [new FakeWorkerProcess(0), new FakeWorkerProcess(1)];
    const processes = workers.map(({ process }) => process);
    const asked = (): readonly number[] => workers.map(({ copying }) => copying.length);
    listeners.copyBy([processes[0] as WorkerProcess]);
    clock.advance(4_999);
    listeners.copyBy(processes);
    expect(asked()).toEqual([2, 0]);
    clock.advance(1);
    listeners.copyBy(processes);
    expect(asked()).toEqual([3, 1]);
  });

  it("have as many copies made as they use, one after the other", async () => {
    const { listeners } = await open();
    const [port = 0] = listeners.ports;
    const worker = new FakeWorkerProcess(0);
    listeners.copyBy([worker.process]);
    let made = 0;
    for (let at = worker.copying.indexOf(port); at >= 0; at = worker.copying.indexOf(port)) {
      worker.copying.splice(at, 1);
      made++;
      const copy = { listen: () => 0, close() {} } as unknown as ListenHandle;
      listeners.copied(port, copy, [worker.process]);
    }
    expect(made).toBe(ACCEPTING);
  });

  it("do not pause without a copy, nor lose who comes meanwhile", async () => {
    const { listeners, accepted } = await open();
    const [port = 0] = listeners.ports;
    expect(listeners.pause()).toBe(0);
    const client: Socket = connect(port, "127.0.0.1");
    await until(() => accepted.length === 1);
    client.destroy();
  });

  it("close a copy of a port that is none of theirs", async () => {
    const { listeners } = await open();
    let closed = 0;
    listeners.copied(1, { close: () => closed++ } as unknown as ListenHandle, []);
    expect(closed).toBe(1);
  });
});
