/**
 * Compressed frames beside the receiver of ws: the same bytes, in any segmentation, say the same and are judged
 * the same.
 */
import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import * as ws from "ws";
import { clientFrame, type FrameParts } from "./testing/client-frame.js";
import { HeardFrames } from "./testing/heard-frames.js";

const MAX_PAYLOAD = 300;
const NAME = "permessage-deflate";

interface WsReceiver extends NodeJS.EventEmitter {
  write(bytes: Uint8Array, done: () => void): boolean;
}

interface WsDeflate {
  accept(offers: readonly object[]): object;
  cleanup(): void;
}

/** Exported by ws, and left out of its types. */
const { Receiver, PerMessageDeflate } = ws as unknown as {
  Receiver: new (options: object) => WsReceiver;
  PerMessageDeflate: new (options: object) => WsDeflate;
};

function heardByWs(bytes: Buffer): Promise<string[]> {
  const heard: string[] = [];
  const deflate = new PerMessageDeflate({
    isServer: true,
    maxPayload: MAX_PAYLOAD,
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
  });
  deflate.accept([{}]);
  const receiver = new Receiver({
    isServer: true,
    maxPayload: MAX_PAYLOAD,
    allowSynchronousEvents: true,
    extensions: { [NAME]: deflate },
  });
  return new Promise((resolve) => {
    const end = (): void => {
      deflate.cleanup();
      resolve(heard);
    };
    receiver
      .on("message", (data: Buffer, isBinary: boolean) => heard.push(isBinary ? "binary" : `text ${data}`))
      .on("ping", (data: Buffer) => heard.push(`ping ${data.toString("latin1")}`))
      .on("pong", () => heard.push("pong"))
      .on("error", (error: Error & Record<symbol, number>) => {
        const status = Object.getOwnPropertySymbols(error).find((at) => at.description === "status-code");
        heard.push(`violation ${error[status as symbol]}`);
        end();
      });
    receiver.write(Buffer.from(bytes), end);
  });
}

function heardByOurs(segments: readonly Uint8Array[]): string[] {
  const receiver = new HeardFrames(MAX_PAYLOAD, true);
  for (const segment of segments) receiver.feed(segment);
  return receiver.heard;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1))), bytes.length];
  ends.sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

const plain = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 60 }).map((text) => Buffer.from(text)),
  fc.integer({ min: 0, max: 310 }).map((length) => Buffer.alloc(length, "x")),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);
const deflated = fc
  .tuple(plain, fc.constantFrom(0, 1, 9), fc.constantFrom(9, 15))
  .map(([data, level, windowBits]) =>
    deflateRawSync(data, { level, windowBits, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4),
  );
/** Whose last block says that it is the last, as RFC 7692 §7.2.3.4 allows. */
const ended = plain.map((data) => Buffer.concat([deflateRawSync(data), Buffer.of(0)]));
const short = fc
  .string({ unit: "grapheme", maxLength: 20 })
  .map((text) => deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4));

const frames: fc.Arbitrary<FrameParts[]> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(1, 1, 2), fc.oneof(deflated, ended))
      .map(([opcode, payload]) => [{ opcode, payload, reserved: 4 }]),
  },
  { weight: 2, arbitrary: plain.map((payload) => [{ opcode: 1, payload }]) },
  // Only valid ones are cut: ws looks at each fragment when it comes, and we at the whole message.
  {
    weight: 3,
    arbitrary: fc.tuple(short, fc.nat(), fc.boolean()).map(([bytes, place, pinged]): FrameParts[] => {
      const at = place % (bytes.length + 1);
      return [
        { opcode: 1, reserved: 4, final: false, payload: bytes.subarray(0, at) },
        ...(pinged ? [{ opcode: 9, payload: Buffer.from("p") }] : []),
        { opcode: 0, payload: bytes.subarray(at) },
      ];
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(0, 1, 2, 9, 10), fc.nat(7), fc.uint8Array({ maxLength: 20 }))
      .map(([opcode, reserved, payload]) => [{ opcode, reserved, payload: Buffer.from(payload) }]),
  },
);

describe("compressed frames, beside ws", () => {
  it("say the same of the same bytes, however they are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(frames, { maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        async (parts, places) => {
          const bytes = Buffer.concat(parts.flat().map(clientFrame));
          const heard = heardByOurs([bytes]);
          expect(heardByOurs(cut(bytes, places))).toEqual(heard);
          expect(heard).toEqual(await heardByWs(bytes));
        },
      ),
      { numRuns: 60 },
    );
  });
});
