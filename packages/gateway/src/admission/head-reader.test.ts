import { describe, expect, it } from "@jest/globals";
import { AdmissionWorld, HEAD } from "./testing/admission-world.js";
import type { FakeHandle } from "./testing/fake-handle.js";

/** Parks connections while there is no room, then makes room. */
function late(...inputs: readonly (string | undefined)[]): { world: AdmissionWorld; handles: FakeHandle[] } {
  const world = new AdmissionWorld();
  world.room = 0;
  const handles = inputs.map((input) => world.connect(input));
  return { world, handles };
}

function makeRoom(world: AdmissionWorld): void {
  world.room = 10;
  world.admission.proceed();
}

describe("a head that waited", () => {
  it("is read at once when it has come, without the event loop", () => {
    const { world, handles } = late(HEAD, `${HEAD}\x81\xff`);
    makeRoom(world);
    expect(world.handedOver.map(({ head }) => head)).toEqual([HEAD, `${HEAD}\x81\xff`]);
    expect(handles.map(({ reading }) => reading)).toEqual([false, false]);
    expect(world.clock.deferred).toBe(0);
  });

  it("is read on by the event loop where it is not whole", () => {
    const { world, handles } = late(undefined, HEAD.slice(0, 5));
    makeRoom(world);
    expect(handles.map(({ reading }) => reading)).toEqual([true, true]);
    handles[0]!.receive(HEAD);
    handles[1]!.receive(HEAD.slice(5));
    expect(world.handedOver.map(({ head }) => head)).toEqual([HEAD, HEAD]);
  });

  it("is refused where it is none", () => {
    const { world, handles } = late("\x16\x03\x01", `GET / HTTP/1.1\r\n${"x".repeat(300)}`);
    makeRoom(world);
    expect(handles.flatMap((handle) => world.places(handle))).toEqual(["answered 400", "answered 431"]);
    expect(world.admission.pending).toBe(0);
  });

  it("of a peer that has gone is let go, without an answer", () => {
    const { world, handles } = late("");
    handles[0]!.receive(undefined);
    makeRoom(world);
    expect(handles[0]!.closed).toBe(true);
    expect([world.admission.pending, world.lingeringCloses.length]).toEqual([0, 0]);
  });
});

describe("a head with much behind it", () => {
  it("brings exactly what was read, where Node gives a larger array", () => {
    const world = new AdmissionWorld();
    const handle = world.connect(HEAD.slice(0, 7));
    const text = HEAD.slice(7) + "\x81".repeat(50_000);
    handle.receive(Buffer.from(text, "latin1"));
    expect(world.handedOver.map(({ head }) => head)).toEqual([HEAD.slice(0, 7) + text]);
  });
});

describe("a door that speaks TLS", () => {
  /** 100 bytes behind the head of the message. */
  const HELLO = `\x16\x03\x01\x00\x68\x01\x00\x00\x64${"x".repeat(100)}`;
  const open = (): AdmissionWorld => new AdmissionWorld({ speaksTls: true });
  /** The last two bytes of an alert, or the status of an answer. */
  const said = (world: AdmissionWorld): readonly string[] =>
    world.lingeringCloses.map(({ answer = "" }) =>
      answer.startsWith("\x15\x03\x01\0\x02") ? `alert ${answer.charCodeAt(6)}` : answer.slice(9, 12),
    );

  it("hands a ClientHello over when it is whole, with what came behind it, however it is cut", () => {
    const world = open();
    const handle = world.connect(HELLO.slice(0, 3));
    handle.receive(HELLO.slice(3, 60));
    expect(world.handedOver).toEqual([]);
    handle.receive(`${HELLO.slice(60)}more`);
    expect(world.handedOver.map(({ head, target, sid }) => [head, target, sid])).toEqual([
      [`${HELLO}more`, "", undefined],
    ]);
    expect(handle.reading).toBe(false);
  });

  it("answers a plain request with 400 and a sentence", () => {
    const world = open();
    world.connect(HEAD);
    expect([world.reasons, said(world)]).toEqual([["not_tls"], ["400"]]);
    expect(world.lingeringCloses[0]?.answer).toContain("use https:// or wss://");
  });

  it("ends half a ClientHello at the deadline of a head, with an alert", () => {
    const world = open();
    const handle = world.connect(HELLO.slice(0, 50));
    world.clock.advance(2_500);
    handle.receive(HELLO.slice(50, 60));
    world.clock.advance(2_500);
    expect([world.reasons, said(world), world.admission.pending]).toEqual([["slow_head"], ["alert 50"], 0]);
  });

  it("takes no more bytes of one than of a head", () => {
    const world = open();
    world.connect(`\x16\x03\x01\x10\x00\x01\x00\x0f\xfc${"x".repeat(300)}`);
    expect([world.reasons, said(world)]).toEqual([["big_head"], ["alert 50"]]);
  });

  it("refuses with an alert what it has no room for, and a request with its answer", () => {
    const world = open();
    world.closedFor = "limit_connections";
    world.connect(HELLO);
    world.connect(HEAD);
    world.connect();
    expect(said(world)).toEqual(["alert 80", "503", "alert 80"]);
  });

  it("reads a PROXY header before it", () => {
    const world = new AdmissionWorld({ speaksTls: true }, { proxyProtocol: true });
    const handle = world.connect("PROXY TCP4 192.0.2.7 10.0.0.1 1 44");
    handle.receive(`3\r\n${HELLO}`);
    expect(world.handedOver.map(({ head, address }) => [head, address])).toEqual([[HELLO, "192.0.2.7"]]);
  });

  it("counts a trusted proxy's connections for no address: whose they are comes encrypted", () => {
    const trusted = { trustedProxies: ["127.0.0.1", "192.0.2.0/24"] };
    const world = new AdmissionWorld({ speaksTls: true }, trusted);
    world.connect(HELLO);
    expect(world.handedOver.map(({ address }) => address)).toEqual([""]);
  });
});

it("tells a TLS handshake on a plain port from other bytes that are no request", () => {
  const world = new AdmissionWorld();
  for (const bytes of ["\x16\x03\x01\x02\x00\x01", "\x80\x2e\x01"]) world.connect(bytes);
  expect(world.reasons).toEqual(["tls", "not_http"]);
});
