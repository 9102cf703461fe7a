import { FakeClock, RecordingLogger } from "@holdfast/core/testing";
import { ownerPrefix } from "@holdfast/protocol";
import { afterEach, describe, expect, it } from "@jest/globals";
import { LingeringCloses } from "../../admission/lingering-closes.js";
import { PendingSocket } from "../../admission/pending-socket.js";
import { FakeLingeringSocket } from "../../admission/testing/fake-farewell-socket.js";
import { FakeHandle } from "../../admission/testing/fake-handle.js";
import { SERVING } from "../operations/instance-drain.js";
import { PrimaryMetrics } from "../operations/primary-metrics.js";
import { FakeKernel } from "../testing/fake-kernel.js";
import { FakeWorkerProcess } from "../testing/fake-worker-process.js";
import { type Exchange, exchange, until } from "../testing/primary-world.js";
import { FrontDoor, type FrontDoorOptions, type FrontDoorParts } from "./front-door.js";

let close: () => void = () => {};

/** A door with real sockets in front of it and workers that are none behind it. */
async function open(
  workers: readonly FakeWorkerProcess[],
  options: Partial<FrontDoorOptions> = {},
  parts: FrontDoorParts = {},
) {
  const clock = new FakeClock();
  const collecting = new Set<unknown>();
  const door: FrontDoor = new FrontDoor(
    {
      accept: "primary",
      host: "127.0.0.1",
      ports: [0, 0],
      backlog: 128,
      maxPending: 1_000,
      maxPendingBytes: 1_000_000,
      limits: { ratePerSecond: undefined, maxPerAddress: undefined, ratePerAddress: undefined },
      proxyProtocol: false,
      trustedProxies: [],
      headTimeoutMs: 5_000,
      maxHeadBytes: 1_024,
      maxConnections: 1_000,
      workers: workers.length,
      ...options,
    },
    (worker) => collecting.has(worker),
    new PrimaryMetrics(() => ({
      workers: workers.length,
      wantedWorkers: workers.length,
      pending: 0,
      maxConnections: 100,
      drain: SERVING,
      reloadLeft: 0,
      logLinesLost: 0,
      kept: { chars: 0, forgotten: 0 },
      certificates: [],
      logLinesLimited: 0,
    })),
    clock,
    new RecordingLogger(),
    {
      ...parts,
      ...(parts.openListenHandle && {
        lingeringCloses: new LingeringCloses(clock, (handle) => new FakeLingeringSocket(handle)),
        readNow: (handle, into) => (handle as FakeHandle).readNow(into),
      }),
    },
  );
  const ports = await door.listen();
  for (const worker of workers) {
    worker.probed = (each) => door.healthChecks.answered(each);
    door.joined(worker.process);
  }
  const exchanges: Exchange[] = [];
  close = () => {
    for (const { socket } of exchanges) socket.destroy();
    for (const worker of workers) worker.takeAll();
    door.close();
  };
  const ask = (target = "/ws"): Exchange => {
    const each = exchange(ports[0] ?? 0, [`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`]);
    exchanges.push(each);
    return each;
  };
  /** Asks and waits until every request is queued for a worker or waits in the door. */
  const askAll = async (count: number, target?: string): Promise<Exchange[]> => {
    const before = door.pending + queued(workers);
    const asked = Array.from({ length: count }, () => ask(target));
    await until(() => {
      clock.runDeferred();
      return door.pending + queued(workers) === before + count;
    });
    // A socket may be here before its head: both ends are of this loop, so some turns bring it.
    for (let turn = 0; turn < 20; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.runDeferred();
    }
    return asked;
  };
  return { clock, collecting, door, ports, ask, askAll };
}

const queued = (workers: readonly FakeWorkerProcess[]): number =>
  workers.reduce((sum, worker) => sum + worker.queued.length, 0);
const lengths = (workers: readonly FakeWorkerProcess[]): number[] =>
  workers.map((worker) => worker.queued.length);
const sidOf = ({ owner }: FakeWorkerProcess): string => ownerPrefix(owner).padEnd(20, "x");
const fleet = (count: number): FakeWorkerProcess[] =>
  Array.from({ length: count }, (_, slot) => new FakeWorkerProcess(slot));

afterEach(() => close());

describe("the front door", () => {
  it("listens on every port, and spreads a burst", async () => {
    const workers = fleet(3);
    const { ports, askAll } = await open(workers);
    expect(new Set(ports).size).toBe(2);
    await askAll(30);
    expect(lengths(workers)).toEqual([10, 10, 10]);
  });

  it("gives a session to its owner, however loaded that is", async () => {
    const workers = fleet(2) as [FakeWorkerProcess, FakeWorkerProcess];
    workers[0].held = 100;
    const { askAll } = await open(workers);
    await askAll(5, `/ws?channels=a&sid=${sidOf(workers[0])}`);
    expect(lengths(workers)).toEqual([5, 0]);
  });

  it.each<[string, (worker: FakeWorkerProcess, collecting: Set<unknown>) => void]>([
    ["is late", (worker) => (worker.load = { ...worker.load, loopDelayMs: 201 })],
    ["collects garbage", (worker, collecting) => collecting.add(worker)],
    ["is starting", (worker) => (worker.state = "starting")],
    ["is draining", (worker) => (worker.state = "draining")],
    ["has stopped taking sockets", (worker) => (worker.waitingMs = 1_001)],
  ])("passes by a worker that %s", async (_what, change) => {
    const workers = fleet(2) as [FakeWorkerProcess, FakeWorkerProcess];
    const { askAll, clock, collecting } = await open(workers);
    change(workers[0], collecting);
    clock.advance(250);
    await askAll(5);
    expect(lengths(workers)).toEqual([0, 5]);
  });

  it("queues 32 for a slow worker while another has room, then reads no more than all have room for", async () => {
    const workers = fleet(2) as [FakeWorkerProcess, FakeWorkerProcess];
    workers[1].held = 20;
    const { askAll, clock, door } = await open(workers);
    await askAll(200);
    expect(lengths(workers)).toEqual([32, 32]);
    expect(door.pending).toBe(136);
    workers[0].takeAll();
    door.admission.proceed();
    await until(() => {
      clock.runDeferred();
      return workers[0].queued.length === 32;
    });
    expect(door.pending).toBe(104);
  });

  it("passes on what is queued for a worker that takes nothing, all but the one under way", async () => {
    const workers = fleet(2) as [FakeWorkerProcess, FakeWorkerProcess];
    const { askAll, clock } = await open(workers);
    await askAll(20, `/ws?sid=${sidOf(workers[0])}`);
    expect(lengths(workers)).toEqual([20, 0]);
    workers[0].waitingMs = 1_001;
    clock.advance(250);
    expect(lengths(workers)).toEqual([1, 19]);
  });

  it("passes on everything that a dead worker did not take", async () => {
    const workers = fleet(2) as [FakeWorkerProcess, FakeWorkerProcess];
    const { askAll, door } = await open(workers);
    await askAll(20);
    workers[0].state = "ended";
    door.lost(workers[0].process);
    expect(lengths(workers)).toEqual([0, 20]);
  });

  it("gives what one worker cannot receive to another, and that one nothing for a while", async () => {
    const workers = fleet(2) as [FakeWorkerProcess, FakeWorkerProcess];
    const { askAll, clock, door } = await open(workers);
    await askAll(1, `/ws?sid=${sidOf(workers[0])}`);
    const [socket] = workers[0].queued.splice(0);
    door.undeliverable(workers[0].process, socket!);
    expect(lengths(workers)).toEqual([0, 1]);
    await askAll(4);
    expect(lengths(workers)).toEqual([0, 5]);
    clock.advance(1_000);
    await askAll(2);
    expect(lengths(workers)).toEqual([2, 5]);
  });

  it("answers what two workers cannot receive", async () => {
    const workers = fleet(3);
    const { askAll, door } = await open(workers);
    const [asked] = await askAll(1);
    for (let tries = 0; tries < 2; tries++) {
      const worker = workers.find(({ queued }) => queued.length === 1)!;
      const [socket] = worker.queued.splice(0);
      door.undeliverable(worker.process, socket!);
    }
    expect(await asked?.answer).toMatch(/^HTTP\/1\.1 503 [\s\S]*no_worker/);
    expect(lengths(workers)).toEqual([0, 0, 0]);
  });

  it("gives a socket that another worker accepted to the session's owner", async () => {
    const workers = fleet(2) as [FakeWorkerProcess, FakeWorkerProcess];
    const { door } = await open(workers, { accept: "reuseport" });
    workers[1].held = 9;
    const head = `GET /ws?sid=${sidOf(workers[1])} HTTP/1.1\r\n\r\n\x81\xff`;
    door.misplaced(PendingSocket.read(new FakeHandle(), head, "192.0.2.1", 0));
    expect(workers[1].queued).toMatchObject([{ head, address: "192.0.2.1" }]);
  });

  it("reads no more while sessions have come back to one owner faster than it takes them", async () => {
    const workers = fleet(2) as [FakeWorkerProcess, FakeWorkerProcess];
    const { askAll, door } = await open(workers);
    await askAll(200, `/ws?sid=${sidOf(workers[0])}`);
    expect([lengths(workers), door.pending]).toEqual([[64, 0], 136]);
  });
});

describe("connections of the instance", () => {
  it("are bounded by their sum; those in the door count", async () => {
    const workers = fleet(2) as [FakeWorkerProcess, FakeWorkerProcess];
    workers[0].held = 4;
    workers[1].held = 3;
    const { ask, askAll } = await open(workers, { maxConnections: 10 });
    await askAll(3);
    expect(await ask().answer).toContain("limit_connections");
    // Full is not ill: a load balancer cuts the connections of what it holds for ill.
    expect(await ask("/healthz").answer).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*ok$/);
    workers[0].held = 3;
    await askAll(1);
  });

  it("may lie unevenly by a quarter, not more: others wait for the second worker", async () => {
    const workers = fleet(2) as [FakeWorkerProcess, FakeWorkerProcess];
    workers[1].state = "ended";
    const { askAll, door } = await open(workers, { maxConnections: 10 });
    await askAll(9);
    expect(lengths(workers)).toEqual([7, 0]);
    expect(door.pending).toBe(2);
    workers[1].state = "ready";
    door.admission.proceed();
    await until(() => lengths(workers)[1] === 2);
  });
});

describe("a health check", () => {
  it("is answered by any worker, also while another has stopped, and within a second when all have", async () => {
    const workers = fleet(2) as [FakeWorkerProcess, FakeWorkerProcess];
    const { ask, clock } = await open(workers);
    workers[0].answers = false;
    expect(await ask("/healthz").answer).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*ok$/);
    workers[1].answers = false;
    const asked = ask("/healthz");
    let answered = "";
    void asked.answer.then((text) => {
      answered = text;
    });
    await until(() => {
      clock.advance(250);
      return answered !== "";
    });
    expect(answered).toMatch(/^HTTP\/1\.1 503 [\s\S]*no_worker/);
    expect(lengths(workers)).toEqual([0, 0]);
  });

  it("that names a session goes to its owner, and one while the instance is leaving gets 503", async () => {
    const workers = fleet(2) as [FakeWorkerProcess, FakeWorkerProcess];
    const { ask, askAll, door } = await open(workers);
    await askAll(1, `/healthz?sid=${sidOf(workers[1])}`);
    expect(lengths(workers)).toEqual([0, 1]);
    door.unready();
    expect(await ask("/healthz").answer).toMatch(/^HTTP\/1\.1 503 [\s\S]*draining/);
  });
});

describe("an instance that holds as many connections as it may", () => {
  it("has its workers open no session by a request either, all of them, until some have gone", async () => {
    const workers = fleet(3) as [FakeWorkerProcess, FakeWorkerProcess, FakeWorkerProcess];
    const { clock, door } = await open(workers, { maxConnections: 9 });
    const late = new FakeWorkerProcess(3);
    // Each is below its own share, which is larger than the even one.
    for (const worker of workers) worker.held = 3;
    clock.advance(250);
    expect(workers.map(({ told }) => told)).toEqual(workers.map(() => [{ type: "full", full: true }]));
    door.joined(late.process);
    expect(late.told).toEqual([{ type: "full", full: true }]);
    workers[1].held = 2;
    clock.advance(250);
    expect([...workers, late].map(({ told }) => told.at(-1))).toEqual(
      [...workers, late].map(() => ({ type: "full", full: false })),
    );
  });
});

describe("a door that is shut for longer than a head may take", () => {
  it("is noticed, told to the workers, and opens again with the room for it", async () => {
    const workers = fleet(1) as [FakeWorkerProcess];
    const kernel = new FakeKernel();
    const parts = { openListenHandle: kernel.open };
    const { clock, door } = await open(workers, { maxPending: 16, ports: [1], headTimeoutMs: 2_000 }, parts);
    door.gate.copied(1, kernel.descriptor());
    workers[0].waitingMs = 1_001;
    const pass = (ms: number): void => {
      for (let passed = 0; passed < ms; passed += 250) {
        clock.advance(250);
        kernel.run();
      }
    };
    // No worker takes any, and others come before they time out: the door is never half empty.
    const round = (): void => {
      for (let i = 0; i < 3; i++) {
        const head = "GET / HTTP/1.1\r\n\r\n";
        door.misplaced(PendingSocket.read(new FakeHandle(), head, "", 0));
      }
      pass(500);
    };
    for (let i = 0; i < 4; i++) round();
    kernel.backlog.push(new FakeHandle());
    kernel.run();
    for (let i = 0; i < 6; i++) round();
    expect(door.shutMs).toBeGreaterThan(2_250);
    expect(workers[0].told).toEqual([{ type: "door", shut: true }]);
    pass(3_000);
    expect(door.shutMs).toBe(0);
    expect(workers[0].told.at(-1)).toEqual({ type: "door", shut: false });
  });
});

describe("a door that closes", () => {
  it("answers those that are in it, those that come, and those that come back", async () => {
    const workers = fleet(1) as [FakeWorkerProcess];
    const { ask, askAll, door } = await open(workers, { workers: 2, maxConnections: 4 });
    const asked = await askAll(4);
    expect([lengths(workers), door.pending]).toEqual([[3], 1]);
    door.refuse();
    expect(door.pending).toBe(0);
    workers[0].state = "ended";
    door.lost(workers[0].process);
    const answers = await Promise.all([...asked, ask()].map(({ answer }) => answer));
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 503 [\s\S]*draining/);
    door.close();
    door.close();
    expect(await ask().answer).toBe("ECONNREFUSED");
  });
});
