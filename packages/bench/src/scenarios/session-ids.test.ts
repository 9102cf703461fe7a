import { ownerOf, ownerPrefix } from "@holdfast/protocol";
import { expect, test } from "@jest/globals";
import { sessionIds } from "./session-ids.js";

test("announced ids come first, further ones have their owners", () => {
  const owners = [3, 4].map((slot) => ({ slot, generation: 9 }));
  const announced = owners.map((owner) => `${ownerPrefix(owner)}0123456789abcdef`);
  const ids = sessionIds(6, announced).trim().split("\n");
  expect(ids.slice(0, 2)).toEqual(announced);
  expect(ids.map(ownerOf)).toEqual([...owners, ...owners, ...owners]);
  expect(new Set(ids).size).toBe(6);
});

test("without announced ones they still have the form of ids", () => {
  const ids = sessionIds(10, []).trim().split("\n");
  expect(ids).toHaveLength(10);
  for (const id of ids) expect(ownerOf(id)).toBeDefined();
});
