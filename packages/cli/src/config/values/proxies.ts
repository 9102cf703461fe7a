/**
 * The proxies that may say for whom they speak: a list of addresses and networks.
 */
import { proxyProblem } from "@holdfast/gateway/checks";
import { z } from "zod";
import { mustBe, mustBeList, type Shape } from "./shape.js";

const FORM = "a list of addresses and networks such as 10.0.0.0/8,fd00::1";
const MAX_PROXIES = 1000;

export function proxies(): Shape<readonly string[]> {
  const one = mustBe("an address or a network such as 10.0.0.0/8");
  const rule = mustBeList("addresses and networks", "10.0.0.0/8", "fd00::1");
  return {
    schema: z
      .array(
        z.string(one).refine((text) => proxyProblem(text) === undefined, one),
        rule,
      )
      .min(1, rule)
      .max(MAX_PROXIES, { error: `must be at most ${MAX_PROXIES} proxies` })
      .readonly(),
    placeholder: "list",
    form: FORM,
    readText: (text) => text.split(",").map((each) => each.trim()),
    toText: (written) => (Array.isArray(written) ? written.join(",") : String(written)),
  };
}
