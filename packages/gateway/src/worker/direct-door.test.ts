import { silentLogger } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { type Owner, ownerPrefix } from "@holdfast/protocol";
import { describe, expect, it } from "@jest/globals";
import { LingeringCloses } from "../admission/lingering-closes.js";
import { FakeChannel } from "../admission/testing/fake-channel.js";
import { FakeLingeringSocket } from "../admission/testing/fake-farewell-socket.js";
import { FakeHandle } from "../admission/testing/fake-handle.js";
import type { TcpHandle } from "../runtime/tcp-handle.js";
import { DirectDoor, type DirectDoorOptions } from "./direct-door.js";

const OWN: Owner = { slot: 1, generation: 7 };
const OPTIONS: DirectDoorOptions = {
  host: "127.0.0.1",
  ports: [],
  backlog: 16,
  maxPending: 4,
  maxPendingBytes: 1_000_000,
  headTimeoutMs: 5_000,
  maxHeadBytes: 256,
  limits: { ratePerSecond: undefined, maxPerAddress: undefined, ratePerAddress: undefined },
  proxyProtocol: false,
  trustedProxies: [],
  maxConnections: 100,
  workers: 3,
};

interface Taken {
  readonly handle: TcpHandle;
  readonly head: string;
  readonly ended: () => void;
}

/** A door with everything around it in a test's hands, and no listener: `accept` is the kernel. */
class DoorWorld {
  readonly clock = new FakeClock();
  readonly channel = new FakeChannel();
  readonly taken: Taken[] = [];
  readonly lingeringCloses: FakeLingeringSocket[] = [];
  sockets = 0;
  readonly door: DirectDoor;

  private constructor(options: Partial<DirectDoorOptions>) {
    this.door = new DirectDoor(
      { ...OPTIONS, ...options },
      {
        owner: OWN,
        sockets: () => this.sockets,
        take: (handle, head, ended) =>
          this.taken.push({ handle, head: Buffer.from(head).toString("latin1"), ended }),
      },
      this.channel.worker,
      this.clock,
      silentLogger,
      new LingeringCloses(this.clock, (handle) => {
        const socket = new FakeLingeringSocket(handle);
        this.lingeringCloses.push(socket);
        return socket;
      }),
    );
  }

  static async open(options: Partial<DirectDoorOptions> = {}): Promise<DoorWorld> {
    const world = new DoorWorld(options);
    await world.door.open();
    return world;
  }

  connect(target = "/ws"): FakeHandle {
    return this.send(headFor(target));
  }

  send(bytes: string): FakeHandle {
    const handle = new FakeHandle();
    handle.receive(bytes);
    this.door.accept(handle);
    return handle;
  }

  /** Status lines of refused requests. */
  get answers(): (string | undefined)[] {
    return this.lingeringCloses.map(({ answer }) => answer?.slice(9, 12));
  }
}

const headFor = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`;
const sidOf = (owner: Owner): string => ownerPrefix(owner).padEnd(20, "x");
const ELSEWHERE = `/ws?sid=${sidOf({ slot: 2, generation: 1 })}`;

describe("a direct door", () => {
  it.each<[string, string]>([
    ["names no session", "/ws"],
    ["names its own session", `/ws?sid=${sidOf(OWN)}`],
    ["names a session of its predecessor", `/ws?sid=${sidOf({ ...OWN, generation: 8 })}`],
    ["names a slot that this instance does not have", `/ws?sid=${sidOf({ slot: 3, generation: 1 })}`],
    ["names what is no session id", "/ws?sid=2"],
  ])("takes a request that %s", async (_what, target) => {
    const { taken, channel, door } = await worldWith(target);
    expect(taken.map(({ head }) => head)).toEqual([headFor(target)]);
    expect(channel.sent).toEqual([]);
    expect(door.pending).toBe(0);
  });

  it("takes a head in pieces, with what came behind it", async () => {
    const world = await DoorWorld.open();
    const handle = world.send("GET /w");
    expect(world.door.pending).toBe(1);
    handle.receive("s HTTP/1.1\r\n\r\nframes");
    expect(world.taken).toMatchObject([{ handle, head: "GET /ws HTTP/1.1\r\n\r\nframes" }]);
    expect(handle.reading).toBe(false);
  });

  it("gives another worker's session to the primary, one at a time, and keeps it until it has arrived", async () => {
    const world = await DoorWorld.open();
    const first = world.connect(ELSEWHERE);
    const second = world.connect(ELSEWHERE);
    expect(world.channel.sent).toEqual([{ head: headFor(ELSEWHERE), handle: first }]);
    expect(world.door.pending).toBe(2);
    expect(first.closed).toBe(false);
    world.channel.acknowledge();
    expect(first.closed).toBe(true);
    expect(world.channel.sent).toMatchObject([{}, { handle: second }]);
    world.channel.acknowledge();
    expect(world.door.pending).toBe(0);
    expect(world.taken).toEqual([]);
  });

  it("takes what the primary could not receive", async () => {
    const world = await DoorWorld.open();
    const handle = world.connect(ELSEWHERE);
    for (let i = 0; i < 3; i++) world.channel.refuse();
    expect(world.taken).toMatchObject([{ handle }]);
    expect(handle.closed).toBe(false);
  });

  it("takes what waits for a primary that is stuck, but not what is on its way", async () => {
    const world = await DoorWorld.open();
    world.connect(ELSEWHERE);
    const queued = world.connect(ELSEWHERE);
    world.clock.advance(1_250);
    expect(world.taken).toMatchObject([{ handle: queued }]);
    const later = world.connect(ELSEWHERE);
    expect(world.taken).toMatchObject([{}, { handle: later }]);
    expect(world.door.pending).toBe(1);
  });

  it("answers 503 at its share of the connections, the truth to a health check, and routes on", async () => {
    const world = await DoorWorld.open();
    world.sockets = 100;
    world.connect();
    world.connect("/healthz");
    world.connect(ELSEWHERE);
    expect(world.answers).toEqual(["503", "200"]);
    expect(world.channel.sent).toHaveLength(1);
    world.sockets = 99;
    world.channel.acknowledge();
    world.connect();
    expect(world.taken).toHaveLength(1);
  });

  it("answers 503 when too many heads are on their way", async () => {
    const world = await DoorWorld.open();
    for (let i = 0; i < 5; i++) world.send("GET /ws");
    expect(world.answers).toEqual(["503"]);
    world.clock.advance(5_250);
    expect(world.answers.slice(-1)).toEqual(["408"]);
    expect(world.door.pending).toBe(0);
  });

  it("takes places back from silent sockets, and always takes a request while places are free", async () => {
    const world = await DoorWorld.open({ maxPending: 16 });
    for (let i = 0; i < 16; i++) world.send("GET /ws");
    world.connect();
    expect(world.answers).toEqual(["503"]);
    world.clock.advance(1_250);
    expect(world.door.pending).toBe(4);
    world.connect();
    expect(world.taken).toHaveLength(1);
  });

  it("counts a silent socket for its address, and a few beyond the limit are read for health checks", async () => {
    const world = await DoorWorld.open({ maxPending: 64, limits: { ...OPTIONS.limits, maxPerAddress: 2 } });
    const silent = [world.send("GET /"), world.send("GET /")];
    world.connect("/healthz");
    world.connect();
    expect(world.answers).toEqual(["200", "503"]);
    const extras = Array.from({ length: 4 }, () => world.send("GET /"));
    expect(world.answers).toHaveLength(2);
    world.send("GET /");
    expect(world.answers).toEqual(["200", "503", "503"]);
    for (const handle of [...silent, ...extras]) handle.receive(undefined);
    world.connect();
    world.connect();
    expect(world.taken).toHaveLength(2);
    world.connect();
    expect(world.answers).toHaveLength(4);
  });

  it("keeps limits per address until the connection has ended", async () => {
    const world = await DoorWorld.open({ limits: { ...OPTIONS.limits, maxPerAddress: 1 } });
    world.connect();
    world.connect();
    expect(world.answers).toEqual(["503"]);
    world.taken[0]?.ended();
    world.connect();
    expect(world.taken).toHaveLength(2);
  });

  it("tells those whose head is on its way, and late ones, that a drain has begun", async () => {
    const world = await DoorWorld.open();
    world.send("GET /ws");
    world.door.refuse();
    world.connect();
    // A head on its way is answered when it is whole.
    expect(world.answers).toEqual(["503"]);
    expect(world.taken).toEqual([]);
    world.door.close();
    world.door.close();
    expect(world.answers).toEqual(["503", "503"]);
    expect(world.door.pending).toBe(0);
  });

  it("counts what it accepts and refuses under the primary's names", async () => {
    const world = await DoorWorld.open();
    world.connect();
    world.sockets = 100;
    world.connect();
    world.door.accept(undefined);
    const [accepted, refused] = await world.door.snapshot();
    expect(accepted).toMatchObject({ name: "holdfast_sockets_accepted_total", values: [{ value: 2 }] });
    expect(refused?.name).toBe("holdfast_sockets_refused_total");
    // Reasons that did not occur are there with 0.
    expect(refused?.values.filter(({ value }) => value > 0)).toEqual([
      { value: 1, labels: { reason: "limit_connections" } },
      { value: 1, labels: { reason: "limit_pending" } },
    ]);
  });

  it("opens all its ports or none", async () => {
    const world = await DoorWorld.open({ ports: [0, 0] });
    world.door.close();
    await expect(DoorWorld.open({ host: "192.0.2.1", ports: [0] })).rejects.toThrow("EADDRNOTAVAIL");
  });
});

async function worldWith(target: string): Promise<DoorWorld> {
  const world = await DoorWorld.open();
  world.connect(target);
  return world;
}
