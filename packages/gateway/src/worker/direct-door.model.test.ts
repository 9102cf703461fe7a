/**
 * The direct door against everything that can happen around it, in any order: no socket is lost or held
 * twice, and it always comes back.
 */
import { silentLogger } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { type Owner, ownerPrefix } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { LingeringCloses } from "../admission/lingering-closes.js";
import { FakeChannel } from "../admission/testing/fake-channel.js";
import { FakeLingeringSocket } from "../admission/testing/fake-farewell-socket.js";
import { FakeHandle } from "../admission/testing/fake-handle.js";
import { DirectDoor } from "./direct-door.js";

const MAX_PENDING = 12;
const MAX_CONNECTIONS = 9;
const HEAD_TIMEOUT_MS = 3_000;
/** How long a primary that takes nothing is waited for. */
const STUCK_MS = 1_250;
const OWN: Owner = { slot: 0, generation: 3 };
const headFor = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`;
const HERE = headFor("/ws");
const HEALTH = headFor("/healthz");
const ELSEWHERE = headFor(`/ws?sid=${ownerPrefix({ slot: 1, generation: 1 }).padEnd(20, "x")}`);
const ADDRESSES = ["192.0.2.7", "198.51.100.8", "2001:db8::9"];

interface Taken {
  readonly handle: FakeHandle;
  readonly ended: () => void;
}

class World {
  readonly clock = new FakeClock();
  readonly channel = new FakeChannel();
  readonly clients: FakeHandle[] = [];
  readonly answers: FakeLingeringSocket[] = [];
  readonly door: DirectDoor;
  taken: Taken[] = [];
  /** Sockets on their way to the primary that it has acknowledged. */
  acknowledged = 0;

  private constructor(maxPerAddress: number | undefined) {
    this.door = new DirectDoor(
      {
        host: "127.0.0.1",
        ports: [],
        backlog: 8,
        maxPending: MAX_PENDING,
        maxPendingBytes: 1_000_000,
        headTimeoutMs: HEAD_TIMEOUT_MS,
        maxHeadBytes: 1_024,
        limits: { ratePerSecond: undefined, maxPerAddress, ratePerAddress: undefined },
        proxyProtocol: false,
        trustedProxies: [],
        maxConnections: MAX_CONNECTIONS,
        workers: 2,
      },
      {
        owner: OWN,
        sockets: () => this.taken.length,
        take: (handle, _head, ended) => this.taken.push({ handle: handle as FakeHandle, ended }),
      },
      this.channel.worker,
      this.clock,
      silentLogger,
      new LingeringCloses(this.clock, (handle) => {
        const socket = new FakeLingeringSocket(handle);
        this.answers.push(socket);
        return socket;
      }),
    );
  }

  static async open(maxPerAddress: number | undefined): Promise<World> {
    const world = new World(maxPerAddress);
    await world.door.open();
    return world;
  }

  connect(bytes: string | undefined, address: string): FakeHandle {
    const handle = new FakeHandle();
    handle.peer = address;
    if (bytes !== undefined) handle.receive(bytes);
    this.clients.push(handle);
    this.door.accept(handle);
    return handle;
  }

  /** A connection of the worker ends. */
  end(at: number): void {
    const [one] = this.taken.splice(at % Math.max(1, this.taken.length), 1);
    one?.handle.close();
    one?.ended();
  }

  /** The primary has received what is on its way. */
  acknowledge(): void {
    if (this.acknowledged === this.channel.sent.length) return;
    this.acknowledged = this.channel.sent.length;
    this.channel.acknowledge();
  }

  /** The primary cannot receive it, however often it is sent: it is the door's again. */
  refuse(): void {
    for (let tries = 0; tries < 3 && this.acknowledged < this.channel.sent.length; tries++) {
      this.acknowledged = this.channel.sent.length;
      this.channel.refuse();
    }
  }

  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 250) {
      this.clock.advance(250);
      this.clock.runDeferred();
    }
  }

  check(): void {
    this.clock.runDeferred();
    const open = this.clients.filter(({ closed }) => !closed).length;
    const answered = this.answers.filter(({ destroyed }) => !destroyed).length;
    expect(open).toBe(this.door.pending + this.taken.length + answered);
    expect(this.taken.length).toBeLessThanOrEqual(MAX_CONNECTIONS);
    expect(new Set(this.taken.map(({ handle }) => handle)).size).toBe(this.taken.length);
  }

  /** What became of the last connection. */
  fateOf(handle: FakeHandle): string | undefined {
    if (this.taken.some((one) => one.handle === handle)) return "taken";
    return this.answers.find((socket) => socket.handle === handle)?.answer?.slice(9, 12);
  }

  /** Silent clients have had their time, and connections have ended: new connections are served. */
  comesBack(): void {
    while (this.taken.length > 0) this.end(0);
    for (let i = 0; i < 300 && this.acknowledged < this.channel.sent.length; i++) this.acknowledge();
    this.pass(HEAD_TIMEOUT_MS + STUCK_MS);
    while (this.taken.length > 0) this.end(0);
    expect(this.door.pending).toBe(0);
    for (const address of ADDRESSES) {
      const handle = this.connect(HERE, address);
      this.clock.runDeferred();
      expect(this.fateOf(handle)).toBe("taken");
    }
    this.check();
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

const client = (name: string, bytes: string | undefined) =>
  fc.nat(60).map((at) =>
    command(`${name} ${at}`, ({ clients }) => {
      const reading = clients.filter((each) => !each.closed && each.reading);
      reading[at % Math.max(1, reading.length)]?.receive(bytes);
    }),
  );

const COMMANDS = [
  fc
    .record({
      bytes: fc.constantFrom(undefined, HERE, HEALTH, ELSEWHERE, "GET /"),
      from: fc.nat(2),
      count: fc.integer({ min: 1, max: 14 }),
    })
    .map(({ bytes, from, count }) =>
      command(`${count} connect from ${from} and send ${bytes}`, (world) => {
        for (let i = 0; i < count; i++) world.connect(bytes, ADDRESSES[from] ?? "");
      }),
    ),
  client("the rest of a head", HERE),
  client("an end", undefined),
  fc.nat(20).map((at) => command(`connection ${at} ends`, (world) => world.end(at))),
  fc.constant(command("the primary has received", (world) => world.acknowledge())),
  fc.constant(command("the primary cannot receive", (world) => world.refuse())),
  fc.constant(command("no descriptor is free", (world) => world.door.accept(undefined))),
  fc
    .constantFrom(250, STUCK_MS, HEAD_TIMEOUT_MS + 250)
    .map((ms) => command(`${ms} ms pass`, (world) => world.pass(ms))),
];

describe("the direct door, whatever happens", () => {
  it("loses no socket, holds none twice, and comes back", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(undefined, 4),
        fc.commands(COMMANDS, { maxCommands: 40 }),
        async (maxPerAddress, commands) => {
          const world = await World.open(maxPerAddress);
          try {
            fc.modelRun(() => ({ model: {}, real: world }), commands);
            world.comesBack();
          } finally {
            world.door.close();
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("answers a health check with the truth, however full it is", async () => {
    const world = await World.open(undefined);
    for (let i = 0; i < MAX_CONNECTIONS; i++) world.connect(HERE, `192.0.2.${i}`);
    expect(world.fateOf(world.connect(HERE, "198.51.100.1"))).toBe("503");
    expect(world.fateOf(world.connect(HEALTH, "198.51.100.1"))).toBe("200");
    world.comesBack();
    world.door.close();
  });

  it("refuses every socket that is in it when it closes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(COMMANDS, { maxCommands: 20 }), async (commands) => {
        const world = await World.open(undefined);
        fc.modelRun(() => ({ model: {}, real: world }), commands);
        const before = world.taken.length;
        world.door.refuse();
        world.door.close();
        for (let i = 0; i < 300 && world.acknowledged < world.channel.sent.length; i++) world.acknowledge();
        for (const answer of world.answers) answer.destroy();
        expect(world.taken.length).toBe(before);
        expect(world.clients.filter(({ closed }) => !closed)).toHaveLength(before + world.door.pending);
      }),
      { numRuns: 60 },
    );
  });
});
