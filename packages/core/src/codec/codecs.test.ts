import { type Data, frameText, withTraceparent } from "@holdfast/protocol";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { publicationPush } from "../delivery/push.js";
import { codecs } from "./codecs.js";
import { holdfastDialect } from "./holdfast-dialect.js";

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** With history and without it, with a trace context and without it. */
function pushes(channel: string, data: Data, offset: number, epoch: string | undefined) {
  return [data, withTraceparent(data, TRACE)].flatMap((text) => [
    publicationPush(channel, text),
    publicationPush(channel, text, offset, epoch),
  ]);
}

test("a publication is written without a frame as it would be written with one", () => {
  const epoch = fc.option(fc.string({ unit: "binary" }), { nil: undefined });
  const data = fc.oneof(fc.json(), fc.uint8Array());
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), data, fc.nat(), epoch, (channel, data, offset, epoch) => {
      for (const push of pushes(channel, data, offset, epoch))
        expect(codecs.objects.push(push)).toBe(frameText(holdfastDialect.push(push)));
    }),
  );
});
