import { FakeClock } from "@holdfast/core/testing";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { FrameQueue } from "./frame-queue.js";
import { FRAME, FrameReader, frame, payloadFrame } from "./frames.js";

describe("FrameQueue", () => {
  let clock: FakeClock;
  let queue: FrameQueue;
  let read: string[];
  let writes: number;
  let takes: boolean;
  let left: number;
  let ends: number;

  beforeEach(() => {
    clock = new FakeClock();
    [read, writes, takes, left, ends] = [[], 0, true, 0, 0];
    const reader = new FrameReader(1024, (type, number, rest) => {
      const name = Object.entries(FRAME).find(([, value]) => value === type)?.[0];
      read.push(`${name} ${number}${type === FRAME.payload ? ` ${rest}` : ""}`);
    });
    const sink = {
      cork: () => void writes++,
      uncork: () => {},
      destroy: () => void ends++,
      write: (each: Buffer) => {
        reader.read(each);
        return takes;
      },
    };
    queue = new FrameQueue(sink, clock, () => left++, { maxBytes: 100, maxPayloads: 4 });
  });

  function payload(number: number, text: string): void {
    queue.addPayload(number, payloadFrame(number, Buffer.from(text)));
  }

  test("what is added in a turn is written at once, in order", () => {
    payload(1, "a");
    queue.add(frame(FRAME.confirmed, 9));
    payload(2, "b");
    expect(read).toEqual([]);
    clock.runDeferred();
    expect(read).toEqual(["payload 1 a", "confirmed 9", "payload 2 b"]);
    expect(writes).toBe(1);
  });

  test("a sibling that takes nothing: payloads beyond the limit are left out, and told by topic", () => {
    takes = false;
    payload(1, "a");
    clock.runDeferred();
    for (const text of ["b", "c", "d", "e"]) payload(1, text);
    payload(1, "f");
    payload(2, "g");
    queue.addFence(frame(FRAME.fence, 0, "m"));
    payload(2, "h");
    expect(left).toBe(3);
    clock.runDeferred();
    expect(read).toEqual(["payload 1 a"]);
    takes = true;
    queue.drained();
    payload(2, "i");
    clock.runDeferred();
    expect(read.slice(1)).toEqual([
      ...["payload 1 b", "payload 1 c", "payload 1 d", "payload 1 e"],
      ...["skipped 1", "skipped 2", "fence 0", "skipped 2", "payload 2 i"],
    ]);
  });

  test("a sibling that asks for more than it reads loses its connection", () => {
    takes = false;
    payload(1, "a");
    clock.runDeferred();
    for (let request = 0; request < 15; request++) queue.add(frame(FRAME.confirmed, request));
    expect([ends, queue.bytes]).toEqual([0, 15 * 9]);
    for (let request = 15; request < 23; request++) queue.add(frame(FRAME.confirmed, request));
    expect([ends, queue.bytes]).toEqual([1, 0]);
  });

  test("the limit in bytes holds, also for a payload that is larger by itself", () => {
    payload(3, "x".repeat(200));
    payload(4, "y");
    clock.runDeferred();
    expect(read).toEqual(["skipped 3", "skipped 4"]);
    payload(4, "z");
    clock.runDeferred();
    expect(read.at(-1)).toBe("payload 4 z");
  });
});
