import { frameText } from "@holdfast/protocol";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { publicationPush } from "../delivery/push.js";
import { codecs } from "./codecs.js";
import { holdfastDialect } from "./holdfast-dialect.js";

test("a publication is written without a frame as it would be written with one", () => {
  const epoch = fc.option(fc.string({ unit: "binary" }), { nil: undefined });
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.json(), fc.nat(), epoch, (channel, data, offset, epoch) => {
      for (const push of [publicationPush(channel, data), publicationPush(channel, data, offset, epoch)])
        expect(codecs.objects.push(push)).toBe(frameText(holdfastDialect.push(push)));
    }),
  );
});
