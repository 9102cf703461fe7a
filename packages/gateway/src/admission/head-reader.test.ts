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
