import { type DisconnectCode, disconnects } from "@holdfast/protocol";
import { expect, test } from "@jest/globals";
import type { TcpHandle } from "../../runtime/tcp-handle.js";
import { CometSessions } from "./sessions.js";
import { type CometConnection, SseTransport, type StreamHome } from "./sse-transport.js";

const SID = "AAAB0123456789abcdef";

function stream(ended: DisconnectCode[]): SseTransport {
  const io = { own: (handle: TcpHandle) => handle };
  const transport = new SseTransport({} as TcpHandle, { io, now: () => 0 } as unknown as StreamHome, "none");
  const connection: Partial<CometConnection> = { disconnect: (row) => void ended.push(row) };
  transport.connection = connection as CometConnection;
  return transport;
}

test("a stream whose session goes on in a newer one is disconnected as superseded, the newer one is not", () => {
  const sessions = new CometSessions();
  const [older, newer]: [DisconnectCode[], DisconnectCode[]] = [[], []];
  sessions.set(SID, stream(older));
  sessions.set(SID, stream(newer));
  expect(older).toEqual([disconnects.superseded]);
  expect(newer).toEqual([]);
});

/** A stream on a socket that takes everything, with a clock of the test. */
function silent(silenceMs: number) {
  const clock = { ms: 0 };
  let alive = 0;
  const io = { own: (handle: TcpHandle) => handle, write: () => "written" };
  const home = { io, now: () => clock.ms, silenceMs, gather: () => false } as unknown as StreamHome;
  const transport = new SseTransport({} as TcpHandle, home, "none");
  const connection: Partial<CometConnection> = {
    alive: () => void alive++,
    receive: () => {},
    spend: () => true,
  };
  transport.connection = connection as CometConnection;
  /** Whether a ping at this time counts as answered. */
  const answers = (ms: number): boolean => {
    clock.ms = ms;
    alive = 0;
    transport.ping();
    return alive > 0;
  };
  return { transport, answers, clock };
}

test("bytes that only the kernel has count as a sign of life for a while, and no longer", () => {
  const { answers } = silent(70_000);
  expect([25_000, 50_000, 69_999].map(answers)).toEqual([true, true, true]);
  expect([70_000, 95_000].map(answers)).toEqual([false, false]);
});

test("a command proves that the client is there, and so do more bytes than a kernel keeps", () => {
  const { transport, answers, clock } = silent(70_000);
  clock.ms = 60_000;
  transport.take([]);
  expect(answers(120_000)).toBe(true);
  for (let i = 0; i < 17; i++) transport.write(Buffer.alloc(1024 * 1024));
  expect(answers(180_000)).toBe(true);
  expect(answers(200_000)).toBe(false);
});

test("what a client sends costs it a tenth of a command, and one for each 8 KiB", () => {
  const { transport, spent, stopped } = heard();
  transport.read(Buffer.alloc(1));
  transport.read(Buffer.alloc(65_536));
  expect([spent, stopped()]).toEqual([[1, 9], 0]);
});

test("a stream that has ended over it is not read any more", () => {
  const { transport, spent, stopped } = heard(8);
  transport.read(Buffer.alloc(65_536));
  expect([spent, stopped()]).toEqual([[9], 1]);
  // What was read already costs nothing, and a client that only closes is heard.
  transport.read(Buffer.alloc(100));
  expect([spent, stopped()]).toEqual([[9], 1]);
});

/** A stream whose client has so many tenths of a command to spend. */
function heard(tenths = Number.POSITIVE_INFINITY) {
  const spent: number[] = [];
  let stops = 0;
  const io = {
    own: (handle: TcpHandle) => Object.assign(handle, { writeQueueSize: 0 }),
    write: () => "taken",
    end: () => true,
    stop: () => stops++,
  };
  const quiet = { isOpening: () => false, leaving: () => {}, gather: () => false };
  const home = { io, now: () => 0, silenceMs: 1, ...quiet } as unknown as StreamHome;
  const transport = new SseTransport({} as TcpHandle, home, "none");
  const connection: Partial<CometConnection> = {
    spend: (price) => {
      spent.push(price);
      if (price > tenths) transport.close(disconnects.limitRate.code, "");
      return price <= tenths;
    },
  };
  transport.connection = connection as CometConnection;
  return { transport, spent, stopped: () => stops };
}
