import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { PendingSocket } from "./pending-socket.js";
import { AdmissionWorld, HEAD } from "./testing/admission-world.js";
import { FakeHandle } from "./testing/fake-handle.js";

describe("a connection", () => {
  it("is handed over once its head is whole, and nothing is read after that", () => {
    const world = new AdmissionWorld();
    const handle = world.connect(`${HEAD}frames`);
    handle.receive("later");
    expect(world.handedOver.map(({ head }) => head)).toEqual([`${HEAD}frames`]);
    expect(handle).toMatchObject({ reading: false, closed: false, unread: "later" });
    expect(world.admission.pending).toBe(0);
    expect(world.accepted).toBe(1);
  });

  it("is handed over with every byte in order, however they are cut, and with its session", () => {
    const head = `GET /ws?a=b&sid=AAAB0123456789abcdef HTTP/1.1\r\nCookie: xsid=no; sid=no\r\n\r\n`;
    fc.assert(
      fc.property(fc.string(), fc.array(fc.nat(head.length)), (behind, cuts) => {
        const world = new AdmissionWorld();
        const handle = world.connect();
        const bytes = Buffer.from(head + behind);
        let sent = 0;
        for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
          if (cut === sent) continue;
          handle.receive(bytes.subarray(sent, cut));
          sent = cut;
        }
        expect(world.handedOver).toHaveLength(1);
        expect(world.handedOver[0]!.head + handle.unread).toBe(bytes.toString("latin1"));
        expect(world.handedOver[0]?.sid).toBe("AAAB0123456789abcdef");
      }),
    );
  });

  it("that ends before its head does is closed, without an answer", () => {
    const world = new AdmissionWorld();
    const silent = world.connect();
    silent.receive(undefined);
    const halfway = world.connect("GET / HT");
    halfway.receive(undefined);
    expect([silent.closed, halfway.closed]).toEqual([true, true]);
    expect(world.admission.pending).toBe(0);
    expect(world.lingeringCloses).toEqual([]);
  });

  it("that ends behind its head goes to the worker, which sees the end", () => {
    const world = new AdmissionWorld();
    const handle = world.connect(HEAD);
    handle.receive(undefined);
    expect(world.places(handle)).toEqual(["handed over"]);
    expect(handle.closed).toBe(false);
  });

  it.each([
    ["a TLS hello", "\x16\x03\x01", "400"],
    ["no request line", "HELLO\r\n\r\n", "400"],
    ["another version", "PRI * HTTP/2.0\r\n\r\n", "505"],
    ["empty lines without end", "\r\n".repeat(200), "431"],
    ["a head without end", `GET / HTTP/1.1\r\n${"x".repeat(300)}`, "431"],
    ["a head that is too big", `GET / HTTP/1.1\r\n${"x".repeat(300)}\r\n\r\n`, "431"],
  ])("that sends %s is answered at once", (_what, bytes, status) => {
    const world = new AdmissionWorld();
    expect(world.places(world.connect(bytes))).toEqual([`answered ${status}`]);
    expect(world.admission.pending).toBe(0);
  });

  it("may send a head of exactly the limit, and anything behind it", () => {
    const world = new AdmissionWorld();
    const start = "GET / HTTP/1.1\r\nA: ";
    const head = `${start}${"x".repeat(256 - start.length - 4)}\r\n\r\n`;
    expect(world.places(world.connect(head + "y".repeat(1_000)))).toEqual(["handed over"]);
    expect(world.places(world.connect(head.replace("A:", "A: ")))).toEqual(["answered 431"]);
  });
});

describe("deadlines", () => {
  it("a head that is late gets 408, also when it comes byte by byte", () => {
    const world = new AdmissionWorld();
    const silent = world.connect();
    const dripping = world.connect("GET / ");
    for (let ms = 0; ms < 5_000; ms += 250) {
      if (!dripping.closed && world.places(dripping)[0] === "here") dripping.receive("x");
      expect(world.places(silent)).toEqual(["here"]);
      world.clock.advance(250);
    }
    expect(world.places(silent)).toEqual(["answered 408"]);
    expect(world.places(dripping)).toEqual(["answered 408"]);
    expect(world.reasons).toEqual(["slow_head", "slow_head"]);
  });

  it("a whole head that no worker takes gets 503", () => {
    const world = new AdmissionWorld();
    world.hasWorker = false;
    const handle = world.connect(HEAD);
    world.clock.advance(4_750);
    expect(world.places(handle)).toEqual(["here"]);
    world.clock.advance(500);
    expect(world.places(handle)).toEqual(["answered 503"]);
    expect(world.reasons).toEqual(["no_worker"]);
  });

  it("one that is parked for too long gets 503, and its page may read when to come back", () => {
    const world = new AdmissionWorld();
    world.room = 0;
    const handle = world.connect(HEAD);
    world.clock.advance(5_250);
    expect(world.places(handle)).toEqual(["answered 503"]);
    expect(world.lingeringCloses[0]?.answer).not.toContain("Access-Control");
  });

  it("a refused one that does not leave is closed a second later", () => {
    const world = new AdmissionWorld();
    const handle = world.connect("\0");
    world.clock.advance(750);
    expect(handle.closed).toBe(false);
    world.clock.advance(500);
    expect(handle.closed).toBe(true);
  });
});

describe("room", () => {
  it("bounds what is read; the rest is parked unread and goes on in order", () => {
    const world = new AdmissionWorld();
    world.room = 2;
    const handles = Array.from({ length: 6 }, () => world.connect());
    expect(handles.filter(({ reading }) => reading)).toHaveLength(2);
    for (const handle of handles) handle.receive(HEAD);
    expect(world.handedOver).toHaveLength(2);
    world.clock.advance(1);
    expect(world.handedOver.map(({ handle }) => handle)).toEqual(handles);
  });

  it("is not taken up by silent senders for more than two turns of the loop", () => {
    const world = new AdmissionWorld();
    world.room = 2;
    world.connect();
    world.connect();
    const honest = world.connect(HEAD);
    expect(world.places(honest)).toEqual(["here"]);
    world.clock.runDeferred();
    world.clock.runDeferred();
    expect(world.places(honest)).toEqual(["handed over"]);
  });

  it("a newcomer does not overtake those that are parked", () => {
    const world = new AdmissionWorld();
    world.room = 0;
    const first = world.connect(HEAD);
    world.room = 1;
    const second = world.connect(HEAD);
    expect(second.unread).toBe(HEAD);
    world.admission.proceed();
    expect(world.places(first)).toEqual(["handed over"]);
    world.clock.advance(1);
    expect(world.handedOver.map(({ handle }) => handle)).toEqual([first, second]);
  });

  it("goes to the addresses in turns: a flood from one is not waited for by another", () => {
    const world = new AdmissionWorld();
    world.room = 0;
    const flood = Array.from({ length: 6 }, () => world.connect(HEAD));
    const quiet = new FakeHandle();
    quiet.peer = "::ffff:198.51.100.7";
    quiet.receive("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    world.admission.accept(quiet);
    world.room = 100;
    world.admission.proceed();
    expect(world.handedOver.map(({ handle }) => handle)).toEqual([flood[0], quiet, ...flood.slice(1)]);
  });

  it("that does not come ends the wait of each address, the longest first", () => {
    const world = new AdmissionWorld();
    world.room = 0;
    world.connect(HEAD);
    world.clock.advance(2_000);
    const late = new FakeHandle();
    late.peer = "::ffff:198.51.100.7";
    world.admission.accept(late);
    world.clock.advance(3_250);
    expect([world.reasons, world.admission.pending]).toEqual([["no_worker"], 1]);
    world.clock.advance(2_000);
    expect([world.reasons, world.admission.pending]).toEqual([["no_worker", "no_worker"], 0]);
  });

  it("is waited for by whole heads when the last worker went, and nothing more is read meanwhile", () => {
    const world = new AdmissionWorld();
    world.hasWorker = false;
    const first = world.connect(HEAD);
    const second = world.connect(HEAD);
    expect(second.unread).toBe(HEAD);
    world.hasWorker = true;
    world.admission.proceed();
    expect(world.handedOver.map(({ handle }) => handle)).toEqual([first, second]);
  });

  it("asks no worker and schedules nothing while no socket comes", () => {
    const world = new AdmissionWorld();
    world.connect(HEAD);
    world.clock.advance(1_000);
    expect(world.clock.deferred).toBe(0);
    expect(world.clock.timers).toBe(1);
    world.admission.close();
    expect(world.clock.timers).toBe(0);
  });
});

describe("caps", () => {
  it("beyond maxPending a new socket gets 503 and none is evicted", () => {
    const world = new AdmissionWorld({ maxPending: 3 });
    const handles = Array.from({ length: 4 }, () => world.connect());
    expect(handles.map((handle) => world.places(handle)[0])).toEqual([
      "here",
      "here",
      "here",
      "answered 503",
    ]);
    expect(world.reasons).toEqual(["limit_pending"]);
    handles[0]!.receive(undefined);
    expect(world.places(world.connect())).toEqual(["here"]);
  });

  it("says why it is closed", () => {
    const world = new AdmissionWorld();
    world.closedFor = "limit_connections";
    expect(world.places(world.connect(HEAD))).toEqual(["answered 503"]);
    expect(world.reasons).toEqual(["limit_connections"]);
  });

  it.each([
    [
      "at once, unread",
      (world: AdmissionWorld) => {
        world.closedFor = "limit_connections";
      },
    ],
    [
      "once its head is whole",
      (world: AdmissionWorld) => {
        world.answer = "limit_address";
      },
    ],
  ])("lets a listed page read the refusal and when to come back: %s", (_when, close) => {
    for (const [origin, mayRead] of [
      ["https://shop.example", true],
      ["https://evil.example", false],
    ] as const) {
      const world = new AdmissionWorld({ origins: ["https://shop.example"] });
      close(world);
      world.connect(`POST /poll HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}\r\n\r\n`);
      const [closing] = world.lingeringCloses;
      expect(closing?.answer).toContain("\r\nRetry-After: ");
      expect(closing?.answer?.includes(`\r\nAccess-Control-Allow-Origin: ${origin}\r\n`)).toBe(mayRead);
    }
  });
});

describe("bytes of heads", () => {
  const START = "GET / HTTP/1.1\r\nA: ";

  it("beyond the limit the oldest of the heaviest sender leaves, and a small head comes through", () => {
    const world = new AdmissionWorld({ maxPending: 100, maxPendingBytes: 1_000 });
    const slow = Array.from({ length: 4 }, () => world.connect(START + "x".repeat(200)));
    expect(slow.map((handle) => world.places(handle)[0])).toEqual(["here", "here", "here", "here"]);
    const last = world.connect(START + "x".repeat(220));
    expect(slow.map((handle) => world.places(handle)[0])).toEqual([
      "answered 503",
      "answered 503",
      "here",
      "here",
    ]);
    expect(world.reasons).toEqual(["limit_head_bytes", "limit_head_bytes"]);
    expect(world.admission.pendingBytes).toBe(2 * (START.length + 200) + START.length + 220);
    expect(world.places(world.connect(HEAD))).toEqual(["handed over"]);
    for (const handle of [...slow.slice(2), last]) handle.receive(undefined);
    expect(world.admission.pendingBytes).toBe(0);
  });

  it("counts what was read of parked sockets, and what grows piece by piece", () => {
    const world = new AdmissionWorld({ maxPending: 100, maxPendingBytes: 400 });
    world.room = 0;
    const parked = [world.connect(START + "x".repeat(150)), world.connect(START + "x".repeat(150))];
    world.room = 10;
    world.admission.proceed();
    expect(world.admission.pendingBytes).toBe(2 * (START.length + 150));
    for (let i = 0; i < 3; i++) parked[1]!.receive("y".repeat(20));
    expect(world.reasons).toEqual([]);
    parked[1]!.receive("y".repeat(5));
    expect(parked.map((handle) => world.places(handle)[0])).toEqual(["answered 503", "here"]);
  });

  it("bounds whole heads that no worker takes, with what came behind them", () => {
    const world = new AdmissionWorld({ maxPending: 100, maxPendingBytes: 1_000 });
    const silent = Array.from({ length: 5 }, () => world.connect());
    world.hasWorker = false;
    for (const handle of silent) handle.receive(HEAD + "x".repeat(400));
    expect(silent.map((handle) => world.places(handle)[0])).toEqual([
      "here",
      "here",
      "answered 503",
      "answered 503",
      "answered 503",
    ]);
    world.hasWorker = true;
    world.admission.proceed();
    expect(world.handedOver).toHaveLength(2);
    expect(world.admission.pendingBytes).toBe(0);
  });

  it("is right whatever comes and leaves", () => {
    const act = fc.tuple(
      fc.nat(11),
      fc.constantFrom("end", "whole", "more", "wait", "none", "some"),
      fc.nat(120),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 80 }), (acts) => {
        const world = new AdmissionWorld({ maxPending: 12, maxPendingBytes: 700 });
        const handles: FakeHandle[] = [];
        for (const [at, what, size] of acts) {
          const handle = handles[at];
          const isHere = handle?.reading === true && world.places(handle)[0] === "here";
          if (what === "wait") world.clock.advance(size * 20);
          else if (what === "none" || what === "some") {
            world.hasWorker = what === "some";
            world.admission.proceed();
          } else if (handle === undefined) handles.push(world.connect(START + "x".repeat(size)));
          else if (isHere)
            handle.receive(
              what === "end" ? undefined : "x".repeat(size) + (what === "more" ? "" : "\r\n\r\n"),
            );
          expect(world.admission.pendingBytes).toBeLessThanOrEqual(700);
        }
        world.admission.turnAway("draining");
        expect([world.admission.pending, world.admission.pendingBytes]).toEqual([0, 0]);
      }),
    );
  });
});

describe("origins", () => {
  it("are those of the newest configuration", () => {
    const world = new AdmissionWorld({ origins: ["https://old.example"] });
    world.closedFor = "limit_connections";
    const mayRead = (origin: string): boolean => {
      world.connect(`POST /poll HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}\r\n\r\n`);
      return world.lingeringCloses.at(-1)?.answer?.includes("Access-Control-Allow-Origin") === true;
    };
    world.admission.answers.allow(["https://new.example"]);
    expect([mayRead("https://old.example"), mayRead("https://new.example")]).toEqual([false, true]);
  });
});

describe("turning away", () => {
  it("answers every socket in whatever state, and leaves those that were handed over", () => {
    const world = new AdmissionWorld();
    const gone = world.connect(HEAD);
    const reading = world.connect("GET /");
    world.hasWorker = false;
    const unassigned = world.connect(HEAD);
    const parked = world.connect(HEAD);
    world.admission.turnAway("draining");
    const handles = [gone, reading, unassigned, parked];
    expect(handles.map((handle) => world.places(handle)[0])).toEqual([
      "handed over",
      "answered 503",
      "answered 503",
      "answered 503",
    ]);
    expect(world.admission.pending).toBe(0);
    world.clock.advance(10_000);
    expect(world.lingeringCloses).toHaveLength(3);
  });
});

describe("what a worker did not take", () => {
  it("goes to another, before its deadline begins anew", () => {
    const world = new AdmissionWorld();
    const handle = world.connect(HEAD);
    const [socket] = world.handedOver.splice(0);
    world.hasWorker = false;
    world.admission.takeBack([socket!]);
    expect(world.admission.pending).toBe(1);
    world.clock.advance(4_000);
    world.hasWorker = true;
    world.admission.proceed();
    expect(world.places(handle)).toEqual(["handed over"]);
    expect(world.admission.pending).toBe(0);
  });

  it("keeps its order, also behind what waits already", () => {
    const world = new AdmissionWorld();
    const [a, b] = [world.connect(HEAD), world.connect(HEAD)];
    const back = world.handedOver.splice(0);
    world.hasWorker = false;
    const c = world.connect(HEAD);
    world.admission.takeBack(back);
    world.hasWorker = true;
    world.admission.proceed();
    expect(world.handedOver.map(({ handle }) => handle)).toEqual([c, a, b]);
  });

  it("may be refused", () => {
    const world = new AdmissionWorld();
    const handle = world.connect(HEAD);
    const [socket] = world.handedOver.splice(0);
    world.admission.answers.refuse(socket!, "no_worker");
    expect(world.places(handle)).toEqual(["answered 503"]);
  });
});

type Step =
  | { readonly t: "accept" }
  | { readonly t: "bytes" | "eof"; readonly who: number; readonly what: number }
  | { readonly t: "room"; readonly room: number }
  | { readonly t: "worker" | "takeBack" | "turnAway" | "turn" | "proceed" }
  | { readonly t: "time"; readonly ms: number };

const PIECES = ["GET / HTTP", "GET / HTTP/1.1\r\n", "\r\n", HEAD, "x", "\0", "y".repeat(300)];

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant({ t: "accept" } as const) },
    {
      weight: 6,
      arbitrary: fc.record({
        t: fc.constant("bytes" as const),
        who: fc.nat(),
        what: fc.nat(PIECES.length - 1),
      }),
    },
    fc.record({ t: fc.constant("eof" as const), who: fc.nat(), what: fc.constant(0) }),
    fc.record({ t: fc.constant("room" as const), room: fc.nat(4) }),
    fc.record({ t: fc.constantFrom("worker", "takeBack", "turn", "proceed") }),
    fc.record({ t: fc.constant("time" as const), ms: fc.nat(6_000) }),
  ),
  { maxLength: 120 },
);

describe("in any order of events", () => {
  it("pending is bounded and no socket is lost, doubled or kept beyond the deadlines", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const world = new AdmissionWorld({ maxPending: 5 });
        const handles: FakeHandle[] = [];
        let takenBack = 0;
        for (const step of all) {
          const target = "who" in step ? handles[step.who % Math.max(1, handles.length)] : undefined;
          if (step.t === "accept") handles.push(world.connect());
          else if (step.t === "bytes") target?.receive(PIECES[step.what] ?? "");
          else if (step.t === "eof") target?.receive(undefined);
          else if (step.t === "room") world.room = step.room;
          else if (step.t === "worker") world.hasWorker = !world.hasWorker;
          else if (step.t === "time") world.clock.advance(step.ms);
          else if (step.t === "turn") world.clock.runDeferred();
          else if (step.t === "proceed") world.admission.proceed();
          else if (step.t === "takeBack") {
            const back = world.handedOver.splice(0);
            takenBack += back.length;
            world.admission.takeBack(back);
          }
          const places = handles.map((handle) => world.places(handle));
          expect(places.every(({ length }) => length === 1)).toBe(true);
          expect(world.admission.pending).toBe(places.filter(([place]) => place === "here").length);
          expect(world.admission.pending).toBeLessThanOrEqual(5 + takenBack);
          for (const { handle } of world.handedOver)
            expect(handle).toMatchObject({ reading: false, closed: false });
        }
        world.clock.advance(12_000); // parked, then reading, and the sweeps
        expect(handles.flatMap((handle) => world.places(handle))).not.toContain("here");
        expect(world.admission.pending).toBe(0);
        expect(world.accepted).toBe(handles.length);
      }),
      { numRuns: 500 },
    );
  });
});

describe("a peer address", () => {
  const header = "PROXY TCP4 203.0.113.7 10.0.0.1 12345 80\r\n";
  const addresses = (world: AdmissionWorld): string[] => world.handedOver.map(({ address }) => address);

  it("is the peer's own address unless something else is configured", () => {
    const world = new AdmissionWorld();
    world.connect(HEAD.replace("\r\n\r\n", "\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n"));
    world.connect(`${header}${HEAD}`);
    expect(addresses(world)).toEqual(["192.0.2.1"]);
    expect(world.reasons).toEqual(["not_http"]);
  });

  it("by a PROXY header is taken off the request, however it is cut", () => {
    const bytes = `${header}${HEAD}behind`;
    for (let cut = 1; cut < bytes.length; cut++) {
      const world = new AdmissionWorld({}, { proxyProtocol: true });
      const handle = world.connect(bytes.slice(0, cut));
      handle.receive(bytes.slice(cut));
      expect(addresses(world)).toEqual(["203.0.113.7"]);
      expect(`${world.handedOver[0]?.head}${handle.unread}`).toBe(`${HEAD}behind`);
    }
  });

  it("of a peer that is not trusted is taken off and ignored", () => {
    const world = new AdmissionWorld({}, { proxyProtocol: true, trustedProxies: ["10.0.0.0/8"] });
    world.connect(`${header}${HEAD}`);
    expect(addresses(world)).toEqual(["192.0.2.1"]);
    expect(world.handedOver[0]?.head).toBe(HEAD);
  });

  it("that is malformed ends the connection, one that stays away does not", () => {
    const world = new AdmissionWorld({}, { proxyProtocol: true });
    const wrong = world.connect(`PROXY TCP4 nobody\r\n${HEAD}`);
    world.connect(HEAD);
    expect(world.places(wrong)).toEqual(["answered 400"]);
    expect(world.reasons).toEqual(["bad_proxy_header"]);
    expect(addresses(world)).toEqual(["192.0.2.1"]);
  });
});

describe("a whole head that meets a limit", () => {
  it("is answered with it, and a health check with its health", () => {
    const world = new AdmissionWorld();
    world.answer = "limit_address";
    const limited = world.connect(HEAD);
    world.answer = "healthy";
    const asked = world.connect(HEAD);
    expect([world.places(limited), world.places(asked)]).toEqual([["answered 503"], ["answered 200"]]);
    expect(world.reasons).toEqual(["limit_address"]);
    expect(world.admission.pending).toBe(0);
  });
});

describe("a connection whose head was read elsewhere", () => {
  const read = (handle: FakeHandle): PendingSocket =>
    PendingSocket.read(handle, "GET /ws?sid=x HTTP/1.1\r\n\r\nframes", "192.0.2.7", 0);

  it("is routed by its session, unread here, and not counted as accepted again", () => {
    const world = new AdmissionWorld();
    const handle = new FakeHandle();
    world.admission.acceptRead(read(handle));
    expect(world.handedOver).toMatchObject([{ handle, sid: "x", address: "192.0.2.7" }]);
    expect(handle.reading).toBe(false);
    expect(world.accepted).toBe(0);
  });

  it("waits for a worker as others do, and is refused when there is no room or the door is closed", () => {
    const world = new AdmissionWorld({ maxPending: 1 });
    world.hasWorker = false;
    const [waiting, late, later] = [new FakeHandle(), new FakeHandle(), new FakeHandle()];
    world.admission.acceptRead(read(waiting));
    world.admission.acceptRead(read(late));
    world.closedFor = "draining";
    world.admission.acceptRead(read(later));
    expect([waiting, late, later].flatMap((handle) => world.places(handle))).toEqual([
      "here",
      "answered 503",
      "answered 503",
    ]);
    expect(world.reasons).toEqual(["limit_pending", "draining"]);
  });

  it("reads the head of what comes while the instance drains: an EventSource is told when to come back", () => {
    const world = new AdmissionWorld();
    world.closedFor = "draining";
    const stream = "GET /sse?channels=a HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n";
    const handles = [world.connect(stream), world.connect(HEAD)];
    expect(handles.flatMap((handle) => world.places(handle))).toEqual(["answered 200", "answered 503"]);
    expect(world.reasons).toEqual(["draining", "draining"]);
    expect(world.handedOver).toEqual([]);
  });

  it("answers a socket that a browser opened ahead when it has asked, not before", () => {
    const world = new AdmissionWorld({}, {});
    const ahead = world.connect();
    world.hasWorker = false;
    const asked = world.connect(HEAD);
    const parked = world.connect();
    world.closedFor = "draining";
    world.admission.shut();
    const all = [ahead, asked, parked];
    expect(all.map((handle) => world.places(handle)[0])).toEqual(["here", "answered 503", "here"]);
    const stream = "GET /sse?channels=a HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n";
    for (const handle of [ahead, parked]) handle.receive(stream);
    expect(all.map((handle) => world.places(handle)[0])).toEqual([
      "answered 200",
      "answered 503",
      "answered 200",
    ]);
    expect(world.admission.pending).toBe(0);
  });
});
