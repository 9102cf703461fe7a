/**
 * The front door against everything that can happen around it, in any order: it always comes back.
 */
import { FakeClock, RecordingLogger } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { LingeringCloses } from "../../admission/lingering-closes.js";
import { FakeLingeringSocket } from "../../admission/testing/fake-farewell-socket.js";
import { FakeHandle } from "../../admission/testing/fake-handle.js";
import { SERVING } from "../operations/instance-drain.js";
import { PrimaryMetrics } from "../operations/primary-metrics.js";
import { FakeKernel } from "../testing/fake-kernel.js";
import { FakeWorkerProcess } from "../testing/fake-worker-process.js";
import { FrontDoor } from "./front-door.js";

const MAX_PENDING = 12;
const HEAD_TIMEOUT_MS = 3_000;
const HEAD = "GET /ws HTTP/1.1\r\n\r\n";
const ADDRESSES = ["192.0.2.7", "198.51.100.8", "2001:db8::9"];

class World {
  readonly clock = new FakeClock();
  readonly kernel = new FakeKernel();
  readonly clients: FakeHandle[] = [];
  readonly lingeringCloses: FakeLingeringSocket[] = [];
  readonly door: FrontDoor;
  workers: FakeWorkerProcess[] = [];

  private constructor(maxPerAddress: number | undefined) {
    this.door = new FrontDoor(
      {
        accept: "primary",
        host: "127.0.0.1",
        ports: [1],
        backlog: 8,
        maxPending: MAX_PENDING,
        maxPendingBytes: 1_000_000,
        limits: { ratePerSecond: undefined, maxPerAddress, ratePerAddress: undefined },
        proxyProtocol: false,
        trustedProxies: [],
        headTimeoutMs: HEAD_TIMEOUT_MS,
        maxHeadBytes: 1_024,
        maxConnections: 1_000,
        workers: 2,
      },
      () => false,
      new PrimaryMetrics(() => ({
        workers: 2,
        wantedWorkers: 2,
        pending: 0,
        maxConnections: 100,
        drain: SERVING,
        reloadLeft: 0,
        logLinesLost: 0,
        kept: { chars: 0, forgotten: 0 },
        certificates: [],
        logLinesLimited: 0,
      })),
      this.clock,
      new RecordingLogger(),
      {
        openListenHandle: this.kernel.open,
        lingeringCloses: new LingeringCloses(this.clock, (handle) => {
          const socket = new FakeLingeringSocket(handle);
          this.lingeringCloses.push(socket);
          return socket;
        }),
        readNow: (handle, into) => (handle as FakeHandle).readNow(into),
      },
    );
  }

  static async open(maxPerAddress: number | undefined): Promise<World> {
    const world = new World(maxPerAddress);
    await world.door.listen();
    world.join();
    return world;
  }

  connect(bytes: string | undefined, address: string): FakeHandle {
    const handle = new FakeHandle();
    handle.peer = address;
    if (bytes !== undefined) handle.receive(bytes);
    this.clients.push(handle);
    this.kernel.backlog.push(handle);
    return handle;
  }

  join(): void {
    const worker = new FakeWorkerProcess(this.workers.length);
    this.workers.push(worker);
    this.door.joined(worker.process);
  }

  die(worker: FakeWorkerProcess): void {
    worker.state = "ended";
    this.workers = this.workers.filter((each) => each !== worker);
    this.door.lost(worker.process);
  }

  /** A worker takes what it has been given, and the connections end. */
  take(worker: FakeWorkerProcess): void {
    const addresses = worker.queued.map(({ address }) => address);
    worker.takeAll();
    this.door.departed(
      worker.process,
      addresses.filter((address) => address !== ""),
    );
    this.door.admission.proceed();
  }

  copyArrives(): void {
    for (const worker of this.workers) {
      const port = worker.copying.shift();
      if (port !== undefined) return this.door.gate.copied(port, this.kernel.descriptor());
    }
  }

  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 250) {
      this.clock.advance(250);
      this.turn();
    }
  }

  turn(): void {
    this.kernel.run();
    this.clock.runDeferred();
  }

  check(): void {
    this.turn();
    if (this.kernel.backlog.length > 0 && this.door.pending <= MAX_PENDING / 2) {
      const before = this.kernel.accepted;
      this.pass(250);
      expect(this.kernel.accepted).toBeGreaterThan(before);
    }
    const queued = this.workers.reduce((sum, worker) => sum + worker.queued.length, 0);
    const answered = this.lingeringCloses.filter(({ handle }) => !(handle as FakeHandle).closed).length;
    const open = this.clients.filter((handle) => !handle.closed).length;
    expect(open).toBe(this.kernel.backlog.length + this.door.pending + queued + answered);
  }

  /** The last worker has room and every silent client has had its time: new connections are served. */
  comesBack(): void {
    for (const worker of this.workers) {
      worker.waitingMs = 0;
      this.take(worker);
    }
    if (this.workers.length === 0) this.join();
    for (let round = 0; round < 20; round++) {
      this.pass(HEAD_TIMEOUT_MS + 500);
      for (const worker of this.workers) this.take(worker);
    }
    expect([this.kernel.backlog.length, this.door.pending, this.door.shutMs]).toEqual([0, 0, 0]);
    for (const address of ADDRESSES) {
      const handle = this.connect(HEAD, address);
      this.pass(250);
      expect(this.workers.some(({ queued }) => queued.some((socket) => socket.handle === handle))).toBe(true);
    }
  }
}

type Model = Record<string, never>;

function command(name: string, run: (world: World) => void): fc.Command<Model, World> {
  return {
    check: () => true,
    run(_model, world) {
      run(world);
      world.check();
    },
    toString: () => name,
  };
}

const worker = (name: string, run: (world: World, worker: FakeWorkerProcess) => void) =>
  fc.nat(3).map((at) =>
    command(`${name} ${at}`, (world) => {
      const one = world.workers[at % Math.max(1, world.workers.length)];
      if (one !== undefined) run(world, one);
    }),
  );

const client = (name: string, bytes: string | undefined) =>
  fc.nat(60).map((at) =>
    command(`${name} ${at}`, ({ clients }) => {
      const open = clients.filter(({ closed }) => !closed);
      open[at % Math.max(1, open.length)]?.receive(bytes);
    }),
  );

const COMMANDS = [
  fc
    .record({
      bytes: fc.constantFrom(undefined, HEAD, "GET /"),
      from: fc.nat(2),
      count: fc.integer({ min: 1, max: 14 }),
    })
    .map(({ bytes, from, count }) =>
      command(`${count} connect from ${from} and send ${bytes}`, (world) => {
        for (let i = 0; i < count; i++) world.connect(bytes, ADDRESSES[from] ?? "");
      }),
    ),
  client("the rest of a head", HEAD),
  client("an end", undefined),
  worker("takes", (world, one) => world.take(one)),
  worker("dies", (world, one) => world.die(one)),
  worker("is stuck", (_world, one) => {
    one.waitingMs = 1_500;
  }),
  worker("moves on", (_world, one) => {
    one.waitingMs = 0;
  }),
  worker("cannot receive", (world, one) => {
    const socket = one.queued.shift();
    if (socket !== undefined) world.door.undeliverable(one.process, socket);
  }),
  fc.constant(command("a worker joins", (world) => world.workers.length < 4 && world.join())),
  fc.constant(command("a copy arrives", (world) => world.copyArrives())),
  fc.constant(command("no descriptor is free", (world) => world.kernel.exhausted())),
  fc
    .constantFrom(250, 1_000, HEAD_TIMEOUT_MS + 250)
    .map((ms) => command(`${ms} ms pass`, (world) => world.pass(ms))),
];

describe("the front door, whatever happens", () => {
  it("accepts within 250 ms while places are free, loses no socket, and comes back", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(undefined, 5),
        fc.commands(COMMANDS, { maxCommands: 40 }),
        async (maxPerAddress, commands) => {
          const world = await World.open(maxPerAddress);
          try {
            fc.modelRun(() => ({ model: {}, real: world }), commands);
            world.comesBack();
          } finally {
            for (const each of world.workers) world.take(each);
            world.door.close();
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("opens again when three quarters of its places were silent sockets that timed out", async () => {
    const world = await World.open(undefined);
    world.copyArrives();
    for (let i = 0; i < 10; i++) world.connect("GET /", `192.0.2.${i}`);
    world.turn();
    expect([world.kernel.backlog.length, world.door.pending]).toEqual([1, 9]);
    world.pass(HEAD_TIMEOUT_MS + 250);
    expect([world.kernel.backlog.length, world.door.shutMs]).toEqual([0, 0]);
    world.comesBack();
    for (const each of world.workers) world.take(each);
    world.door.close();
  });
});
