import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { OwnedHandle, WriteOutcome } from "../../runtime/handle-io.js";
import type { TcpHandle } from "../../runtime/tcp-handle.js";
import { HandleWriter, type WriterHome } from "./handle-writer.js";

/** A handle whose kernel takes what the test says, and the home of its writer. */
class World implements WriterHome {
  /** What the other side has got, `FIN` and `closed` included. */
  readonly got: string[] = [];
  readonly events: string[] = [];
  /** Undefined: the request has been answered. */
  gathered: string[] | undefined = undefined;
  next: WriteOutcome = "taken";
  isBroken = false;
  #waiting: string[] = [];
  readonly writer: Writer;
  readonly io = {
    own: (handle: TcpHandle): OwnedHandle => handle as OwnedHandle,
    start: (): void => void this.events.push("reads"),
    stop: (): void => void this.events.push("reads no more"),
    write: (_handle: OwnedHandle, bytes: Uint8Array): WriteOutcome => this.#take([String(bytes)]),
    writeAll: (_handle: OwnedHandle, chunks: readonly Uint8Array[]): WriteOutcome =>
      this.#take(chunks.map(String)),
    end: (): boolean => {
      this.got.push("FIN");
      return !this.isBroken;
    },
    close: (): void => void this.got.push("closed"),
    peer: (): string | undefined => undefined,
  };

  constructor() {
    this.writer = new Writer({ writeQueueSize: 0 } as unknown as OwnedHandle, this);
  }

  gather(_writer: object, bytes: Uint8Array): boolean {
    this.gathered?.push(String(bytes));
    return this.gathered !== undefined;
  }

  gone(): void {
    this.events.push("gone");
  }

  /** The kernel takes what it had left; `next` says what becomes of the write that follows. */
  kernelTakes(next: WriteOutcome = "taken"): void {
    this.got.push(...this.#waiting.splice(0));
    this.next = next;
    this.writer.written();
  }

  #take(bytes: readonly string[]): WriteOutcome {
    if (this.next === "taken") this.got.push(...bytes);
    else if (this.next === "waiting") this.#waiting.push(...bytes);
    return this.next;
  }
}

class Writer extends HandleWriter<World, { closed(): void }> {
  read(): void {}

  say(text: string): void {
    if (this.state === "open") this.put(Buffer.from(text));
  }

  answer(text: string): void {
    this.putNewest(Buffer.from(text));
  }

  end(last: string): void {
    this.putLast(Buffer.from(last));
    this.state = "ending";
    this.finish();
  }

  flush(): void {
    this.state = "flushing";
    this.finish();
  }

  begin(): void {
    this.startReading();
  }

  protected override drained(): void {
    this.home.events.push("drained");
  }
}

describe("a handle writer", () => {
  it("gives bytes to the answer of the request until that has left, then to the handle", () => {
    const world = new World();
    world.gathered = [];
    world.writer.say("early");
    expect([world.gathered, world.got]).toEqual([["early"], []]);
    world.gathered = undefined;
    world.writer.say("late");
    expect(world.got).toEqual(["late"]);
  });

  it("keeps what the kernel does not take, counts it, and writes it in one go", () => {
    const world = new World();
    world.next = "waiting";
    for (const text of ["a", "bc", "d"]) world.writer.say(text);
    expect([world.got, world.writer.bufferedBytes]).toEqual([[], 3]);
    world.kernelTakes("waiting");
    expect([world.got, world.events]).toEqual([["a"], []]);
    world.kernelTakes();
    expect([world.got, world.events]).toEqual([["a", "bc", "d"], ["drained"]]);
    expect(world.writer.bufferedBytes).toBe(0);
  });

  it("keeps only the newest answer to a ping while others wait, and puts nothing behind the last bytes", () => {
    const world = new World();
    world.writer.answer("pong 1");
    world.next = "waiting";
    world.writer.say("a");
    world.writer.answer("pong 2");
    world.writer.answer("pong 3");
    world.writer.say("b");
    world.writer.end("close");
    world.kernelTakes();
    expect(world.got).toEqual(["pong 1", "a", "b", "pong 3", "close", "FIN"]);
  });

  it("ends its side behind what waits, and is closed when the other side has ended too", () => {
    const world = new World();
    world.next = "waiting";
    world.writer.say("a");
    world.writer.flush();
    expect(world.got).toEqual([]);
    world.kernelTakes();
    expect(world.got).toEqual(["a", "FIN"]);
    world.writer.ended();
    expect(world.got).toEqual(["a", "FIN", "closed"]);
  });

  it("waits for the end of the other side where that has not ended", () => {
    const world = new World();
    world.writer.end("close");
    world.writer.ended();
    expect(world.got).toEqual(["close", "FIN"]);
  });

  it.each([
    ["a write fails", (world: World) => world.writer.writeFailed()],
    ["a write is broken", breakWrite],
    ["its FIN is broken", breakEnd],
    ["it is destroyed", (world: World) => world.writer.destroy()],
    ["what waited is broken", breakWaiting],
  ])("is closed once when %s, reads no more, and tells its connection afterwards", (_case, harm) => {
    const world = new World();
    world.writer.connection = { closed: () => world.events.push("connection closed") };
    harm(world);
    world.writer.terminate();
    world.writer.say("never");
    world.writer.begin();
    expect(world.got.filter((each) => each === "closed")).toHaveLength(1);
    expect([world.got.at(-1), world.writer.destroyed, world.writer.bufferedBytes]).toEqual([
      "closed",
      true,
      0,
    ]);
    expect(world.events.filter((each) => each !== "drained")).toEqual([]);
    world.writer.closed();
    world.writer.closed();
    expect(world.events.filter((each) => each === "connection closed")).toHaveLength(1);
    expect(world.events.at(0) === "drained" ? world.events.slice(1, 3) : world.events.slice(0, 2)).toEqual([
      "gone",
      "connection closed",
    ]);
  });

  it("loses and reorders nothing, whatever the kernel takes and when", () => {
    const step = fc.constantFrom("say", "taken", "waiting");
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const world = new World();
        const said: string[] = [];
        for (const each of steps) {
          if (each === "say") {
            said.push(`${said.length}`);
            world.writer.say(`${said.length - 1}`);
          } else if (world.writer.bufferedBytes > 0 || world.next === "taken") {
            world.kernelTakes(each as WriteOutcome);
          }
        }
        world.kernelTakes();
        world.kernelTakes();
        world.writer.end("end");
        expect(world.got).toEqual([...said, "end", "FIN"]);
      }),
    );
  });
});

function breakWrite(world: World): void {
  world.next = "broken";
  world.writer.say("a");
}

function breakEnd(world: World): void {
  world.isBroken = true;
  world.writer.flush();
}

function breakWaiting(world: World): void {
  world.next = "waiting";
  world.writer.say("a");
  world.writer.say("b");
  world.kernelTakes("broken");
}
