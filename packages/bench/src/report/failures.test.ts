import { expect, test } from "@jest/globals";
import { resultOf } from "../testing/result.js";
import { failuresOf } from "./failures.js";

test("failures are summed over the runs, by reason; a peer without failures is not named", () => {
  const result = resultOf({ ours: [{ speed: 1 }, { speed: 1 }], ws: [{ speed: 1 }] });
  const measurements = result.measurements.map((each) =>
    each.peer === "ours"
      ? { ...each, failed: { "HTTP 503": 600, reset: each.run } }
      : { ...each, failed: {} },
  );
  expect(failuresOf({ ...result, measurements })).toEqual(["s, c, Holdfast: HTTP 503 1,200, reset 3"]);
});
