import { describe, expect, test } from "@jest/globals";
import { Batch } from "./batch.js";
import { Conflation } from "./conflation.js";
import { gapPush, messagePush, weightOf } from "./push.js";

/** Data as JSON text; undefined for a push that is no publication. */
function batchOf(...data: (string | undefined)[]): Batch {
  const batch = new Batch(0);
  for (const each of data)
    batch.add(each === undefined ? gapPush({ channel: "c", reason: "slow" }) : messagePush(each));
  return batch;
}

const data = (conflation: Conflation, after: number, upTo: number): unknown[] =>
  conflation.between({ after, upTo }).map((pushed) => pushed.data);

describe("a conflation", () => {
  test("keeps the newest publication of a channel", () => {
    const conflation = new Conflation(undefined, 1000);
    expect(conflation.take(batchOf("1", "2"))).toEqual({ after: 0, upTo: 2 });
    expect(conflation.take(batchOf("3"))).toEqual({ after: 2, upTo: 3 });
    expect(data(conflation, 0, 3)).toEqual(["3"]);
  });

  test("takes a batch once, however many are not sent it", () => {
    const conflation = new Conflation(undefined, 1000);
    const batch = batchOf("1");
    expect(conflation.take(batch)).toEqual(conflation.take(batch));
    expect(new Conflation(undefined, 1000).take(batch)).toEqual({ after: 0, upTo: 1 });
  });

  test("keeps the newest of each key, in the order of publication", () => {
    const conflation = new Conflation("id", 1000);
    const numbers = conflation.take(
      batchOf('{"id":"a","n":1}', '{"id":7,"n":2}', '{"id":"a","n":3}', "[]", '{"id":{}}', "null"),
    );
    expect(data(conflation, 0, numbers.upTo)).toEqual(['{"id":7,"n":2}', '{"id":"a","n":3}', "null"]);
  });

  test("tells keys apart that are one number to JavaScript", () => {
    const conflation = new Conflation("id", 1000);
    const rows = [
      '{"id":36028797018963969,"n":1}',
      '{"id":36028797018963970}',
      '{"id":1e400}',
      '{"id":1e401}',
    ];
    const same = [
      '{"id":36028797018963969,"n":2}',
      '{"id":7}',
      '{"\\u0069d":7.0}',
      '["id",7]',
      '{"x":{"id":7}}',
    ];
    const { upTo } = conflation.take(batchOf(...rows, ...same));
    expect(data(conflation, 0, upTo)).toEqual([...rows.slice(1), same[0], same[2], same[4]]);
  });

  test("gives who fell behind later only what it missed, and nothing newer than that", () => {
    const conflation = new Conflation("id", 1000);
    conflation.take(batchOf('{"id":1}'));
    const { after } = conflation.take(batchOf('{"id":2}'));
    const { upTo } = conflation.take(batchOf('{"id":3}'));
    conflation.take(batchOf('{"id":4}'));
    expect(data(conflation, after, upTo)).toEqual(['{"id":2}', '{"id":3}']);
  });

  test("lets go of the oldest keys beyond its bounds, but never of the newest publication", () => {
    const many = new Conflation("id", Number.POSITIVE_INFINITY);
    const { upTo } = many.take(batchOf(...Array.from({ length: 2000 }, (_, id) => `{"id":${id}}`)));
    expect(data(many, 0, upTo)).toHaveLength(1024);
    expect(data(many, 0, upTo).at(-1)).toBe('{"id":1999}');
    const tight = new Conflation("id", 2 * weightOf(messagePush('{"id":1}')));
    tight.take(batchOf('{"id":1}', '{"id":2}', '{"id":3}'));
    expect(data(tight, 0, 3)).toEqual(['{"id":2}', '{"id":3}']);
    tight.take(batchOf(`{"id":"${"x".repeat(100)}"}`));
    expect(data(tight, 0, 4)).toHaveLength(1);
  });

  test("keeps nothing of before a gap of the channel itself", () => {
    const conflation = new Conflation("id", 1000);
    conflation.take(batchOf('{"id":1}', undefined, '{"id":2}'));
    expect(data(conflation, 0, 3)).toEqual(['{"id":2}']);
  });
});
