import { describe, expect, it } from "@jest/globals";
import { FakeHandle } from "../admission/testing/fake-handle.js";
import { encodeParcel } from "../link/parcels.js";
import type { HandlePipeEvents } from "../runtime/handle-pipe.js";
import { PipedSockets } from "./piped-sockets.js";

function setUp() {
  /** What happened, in order: receipts, and heads that were served. */
  const log: string[] = [];
  let deferred: (() => void)[] = [];
  let events: HandlePipeEvents | undefined;
  new PipedSockets(
    (given) => {
      events = given;
      return { say: (text) => log.push(`say ${text}`) };
    },
    { defer: (run) => deferred.push(run) },
    (_handle, head, address) => log.push(address === "" ? head : `${head} of ${address}`),
  );
  return {
    log,
    come(place: number, { alone = false, address = "", lost = false } = {}): void {
      const parcel = { place, alone, address, head: `head ${place}` };
      const handle = lost ? undefined : new FakeHandle();
      events?.came(Buffer.from(encodeParcel(parcel), "latin1"), handle);
    },
    /** The turn ends. False: nothing waited for it. */
    turn(): boolean {
      const due = deferred;
      deferred = [];
      for (const run of due) run();
      return due.length > 0;
    },
  };
}

describe("sockets by the pipe", () => {
  it("that come alone are receipted and served at once", () => {
    const { log, come, turn } = setUp();
    come(0, { alone: true, address: "192.0.2.7" });
    expect(log).toEqual(["say a", "head 0 of 192.0.2.7"]);
    expect(turn()).toBe(false);
  });

  it("share a receipt, which leaves before any is served, when a turn brings no more", () => {
    const { log, come, turn } = setUp();
    come(0);
    turn();
    come(1);
    turn();
    expect(log).toEqual([]);
    turn();
    expect(log).toEqual(["say ab", "head 0", "head 1"]);
    expect(turn()).toBe(false);
  });

  it("are served four at a time, however many come", () => {
    const { log, come, turn } = setUp();
    for (let place = 0; place < 5; place++) come(place);
    expect(log).toEqual(["say abcd", "head 0", "head 1", "head 2", "head 3"]);
    while (turn());
    expect(log.slice(5)).toEqual(["say e", "head 4"]);
  });

  it("whose descriptor was lost are said to be, and not served", () => {
    const { log, come, turn } = setUp();
    come(0);
    come(1, { lost: true });
    come(2);
    while (turn());
    expect(log).toEqual(["say aBc", "head 0", "head 2"]);
  });
});
