import { BrokerUnavailable } from "@holdfast/core";
import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import type { SeamAnswer, SeamCall } from "../../link/messages.js";
import { type SeamOffers, SeamServer } from "../../primary/embedded/seam-server.js";
import { LinkCalls } from "./link-calls.js";

interface Sums {
  add(a: number, b: number): Promise<number>;
  fail(): Promise<void>;
}

function offers(): { offers: SeamOffers; closed: () => number } {
  let closed = 0;
  const sums = {
    methods: {
      add: async (a: number, b: number) => a + b,
      fail: async () => {
        throw new Error("not today");
      },
    },
    close() {
      closed++;
    },
  };
  return { offers: { sums: () => sums }, closed: () => closed };
}

function joined() {
  const clock = new FakeClock();
  const answers: SeamAnswer[] = [];
  const { offers: offered, closed } = offers();
  // As over a link: what is said is heard later, as JSON.
  const calls: LinkCalls = new LinkCalls((call) => {
    setImmediate(() => void server.handle(JSON.parse(JSON.stringify(call)) as SeamCall));
    return true;
  }, clock);
  const server = new SeamServer(offered, (answer) => {
    answers.push(answer);
    setImmediate(() => calls.answer(JSON.parse(JSON.stringify(answer)) as SeamAnswer));
    return true;
  });
  const sums = calls.seam<Sums>("sums", { add: true, fail: true });
  return { clock, calls, server, sums, answers, closed };
}

describe("a seam over a link", () => {
  it("answers calls, also several at once", async () => {
    const { sums, calls, clock } = joined();
    expect(await Promise.all([sums.add(1, 2), sums.add(3, 4)])).toEqual([3, 7]);
    calls.close();
    expect(clock.timers).toBe(0);
  });

  it("rejects with the problem that the primary told", async () => {
    const { sums, calls } = joined();
    const call = sums.fail();
    await expect(call).rejects.toThrow("not today");
    await expect(call).rejects.toBeInstanceOf(BrokerUnavailable);
    calls.close();
  });

  it.each([
    ["nothing", "add"],
    ["sums", "subtract"],
    ["sums", "constructor"],
    ["sums", "__proto__"],
  ])("says that the primary serves no %s.%s", async (seam, method) => {
    const { calls } = joined();
    await expect(calls.call(seam, method, [])).rejects.toThrow(`the primary serves no ${seam}.${method}`);
    calls.close();
  });

  it("gives up after five seconds, and ignores an answer that comes later", async () => {
    const clock = new FakeClock();
    const asked: SeamCall[] = [];
    const calls = new LinkCalls((call) => asked.push(call) > 0, clock);
    const settled: string[] = [];
    const call = calls.call("sums", "add", [1, 2]);
    call.catch(() => settled.push("rejected"));
    clock.advance(4_500);
    await Promise.resolve();
    expect(settled).toEqual([]);
    clock.advance(1_000);
    await expect(call).rejects.toBeInstanceOf(BrokerUnavailable);
    calls.answer({ type: "answer", id: asked[0]!.id, result: 3 });
    calls.close();
  });

  it("rejects what waits when it is closed, and what is asked later", async () => {
    const clock = new FakeClock();
    const calls = new LinkCalls(() => true, clock);
    const call = calls.call("sums", "add", [1, 2]);
    calls.close();
    calls.close();
    await expect(call).rejects.toBeInstanceOf(BrokerUnavailable);
    await expect(calls.call("sums", "add", [1, 2])).rejects.toBeInstanceOf(BrokerUnavailable);
    expect(clock.timers).toBe(0);
  });

  it("refuses more calls than may wait", async () => {
    const calls = new LinkCalls(() => true, new FakeClock());
    const waiting = Array.from({ length: 65_536 }, () => calls.call("sums", "add", []));
    await expect(calls.call("sums", "add", [])).rejects.toThrow("65536 calls wait");
    const settled = Promise.allSettled(waiting);
    calls.close();
    await settled;
  });
});

describe("the primary's side", () => {
  it("ends the worker's seams once, and answers what it still said", async () => {
    const { server, answers, closed } = joined();
    server.close();
    server.close();
    expect(closed()).toBe(1);
    await server.handle({ type: "call", id: 1, seam: "sums", method: "add", args: [1, 2] });
    expect(answers).toEqual([{ type: "call-failed", id: 1, problem: "the worker's link has ended" }]);
  });

  it("fails a call whose result is too large for the link, and answers the next", async () => {
    const clock = new FakeClock();
    const server = new SeamServer(offers().offers, (answer, share = 1) => {
      if (share < 1 && JSON.stringify(answer).includes('"result":7')) return false;
      setImmediate(() => calls.answer(answer));
      return true;
    });
    const calls: LinkCalls = new LinkCalls((call) => {
      void server.handle(call);
      return true;
    }, clock);
    const sums = calls.seam<Sums>("sums", { add: true, fail: true });
    await expect(sums.add(3, 4)).rejects.toThrow("the answer to sums.add is too large for the link");
    expect(await sums.add(1, 2)).toBe(3);
    calls.close();
  });
});
