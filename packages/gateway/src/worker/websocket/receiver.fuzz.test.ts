/**
 * The receiver beside that of ws: the same bytes, in any segmentation, say the same and are judged the same.
 */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import * as ws from "ws";
import { MAX_FRAGMENTS } from "./assembly.js";
import { clientFrame, type FrameParts } from "./testing/client-frame.js";
import { HeardFrames } from "./testing/heard-frames.js";

const MAX_PAYLOAD = 300;

interface WsReceiver extends NodeJS.EventEmitter {
  write(bytes: Uint8Array): boolean;
}

/** Exported by ws, and left out of its types. */
const { Receiver } = ws as unknown as { Receiver: new (options: object) => WsReceiver };

function heardByWs(segments: readonly Uint8Array[]): string[] {
  const heard: string[] = [];
  let over = false;
  const receiver = new Receiver({
    isServer: true,
    maxPayload: MAX_PAYLOAD,
    maxFragments: MAX_FRAGMENTS,
    allowSynchronousEvents: true,
  })
    .on("message", (data: Buffer, isBinary: boolean) => heard.push(isBinary ? "binary" : `text ${data}`))
    .on("ping", (data: Buffer) => heard.push(`ping ${data.toString("latin1")}`))
    .on("pong", () => heard.push("pong"))
    .on("conclude", (code: number, reason: Buffer) => {
      over = true;
      const coded = code === 1005 ? "" : String.fromCharCode(code >> 8, code & 0xff);
      heard.push(`close ${coded}${reason.toString("latin1")}`);
    })
    .on("error", () => {}) as WsReceiver;
  // Its 'error' comes a tick later; what it calls with the error comes at once.
  const errored = (error: Error & Record<symbol, number>): void => {
    const status = Object.getOwnPropertySymbols(error).find((name) => name.description === "status-code");
    over = true;
    heard.push(`violation ${error[status as symbol]}`);
  };
  const inner = receiver as unknown as {
    _write(chunk: Buffer, encoding: string, done: (error?: Error) => void): void;
  };
  const write = inner._write.bind(receiver);
  inner._write = (chunk, encoding, done) =>
    write(chunk, encoding, (error) => {
      if (error !== undefined && error !== null) errored(error as never);
      done(error);
    });
  for (const segment of segments) {
    if (over) break;
    receiver.write(Buffer.from(segment));
  }
  return heard;
}

function heardByOurs(segments: readonly Uint8Array[]): string[] {
  const receiver = new HeardFrames(MAX_PAYLOAD);
  for (const segment of segments) receiver.feed(segment);
  return receiver.heard;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1))), bytes.length].sort(
    (a, b) => a - b,
  );
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

const mask = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
const payload = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "grapheme", maxLength: 40 }).map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 130 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.integer({ min: 120, max: 310 }).map((length) => Buffer.alloc(length, "x")) },
);
const closePayload = fc
  .tuple(
    fc.constantFrom(999, 1000, 1001, 1003, 1004, 1005, 1006, 1011, 1014, 1015, 3000, 4999, 5000),
    payload,
  )
  .map(([code, reason]) => Buffer.concat([Buffer.of(code >> 8, code & 0xff), reason]));

/** Frames as a client of good will makes them: most sequences are valid for a while. */
const goodFrames: fc.Arbitrary<FrameParts[]> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ opcode: fc.constantFrom(1, 1, 1, 2), payload, mask }).map((one) => [one]),
  },
  { weight: 3, arbitrary: fc.record({ opcode: fc.constantFrom(9, 10), payload, mask }).map((one) => [one]) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom(1, 2),
        fc.array(fc.tuple(payload, fc.boolean()), { minLength: 1, maxLength: 5 }),
        mask,
      )
      .map(([opcode, parts, masked]) =>
        parts.flatMap(([part, pinged], i): FrameParts[] => [
          { opcode: i === 0 ? opcode : 0, payload: part, final: i === parts.length - 1, mask: masked },
          ...(pinged && i < parts.length - 1 ? [{ opcode: 9, payload: Buffer.from("p"), mask: masked }] : []),
        ]),
      ),
  },
);
/** Any header at all. */
const wildFrame: fc.Arbitrary<FrameParts[]> = fc
  .record(
    {
      opcode: fc.nat(15),
      payload: fc.oneof(payload, closePayload),
      final: fc.boolean(),
      reserved: fc.constantFrom(0, 0, 0, 0, 1, 2, 4),
      mask: fc.oneof({ weight: 9, arbitrary: mask }, { weight: 1, arbitrary: fc.constant(undefined) }),
      claimedLength: fc.constantFrom<number | bigint>(
        0,
        1,
        125,
        126,
        300,
        301,
        65_536,
        2n ** 53n - 1n,
        2n ** 53n,
      ),
    },
    { requiredKeys: ["opcode", "payload", "mask"] },
  )
  .map((one) => [one]);
const closeFrames = fc.record({ opcode: fc.constant(8), payload: closePayload, mask }).map((one) => [one]);

const input = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 12, arbitrary: goodFrames },
        { weight: 2, arbitrary: wildFrame },
        { weight: 1, arbitrary: closeFrames },
      ),
      { maxLength: 8 },
    ),
    fc.option(fc.tuple(fc.nat(), fc.nat(255)), { freq: 4 }),
  )
  .map(([parts, damage]) => {
    const bytes = Buffer.concat(parts.flat().map(clientFrame));
    if (damage !== null && bytes.length > 0) bytes[damage[0] % bytes.length] = damage[1];
    return bytes;
  });

describe("beside ws", () => {
  it("says the same of the same bytes, however they are cut", () => {
    fc.assert(
      fc.property(input, fc.array(fc.nat(), { maxLength: 12 }), (bytes, places) => {
        const segments = cut(bytes, places);
        const heard = heardByOurs(segments);
        expect(heard).toEqual(heardByWs([bytes]));
        expect(heard).toEqual(heardByWs(segments));
        expect(heard).toEqual(heardByOurs([bytes]));
      }),
      { numRuns: 3_000 },
    );
  });

  it("says the same of noise", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(fc.nat(), { maxLength: 4 }), (noise, places) => {
        const bytes = Buffer.from(noise);
        expect(heardByOurs(cut(bytes, places))).toEqual(heardByWs([bytes]));
      }),
      { numRuns: 2_000 },
    );
  });
});
