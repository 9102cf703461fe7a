import { describe, expect, test } from "@jest/globals";
import { FakeWorkerProcess } from "../testing/fake-worker-process.js";
import { SiblingNews } from "./sibling-news.js";

describe("SiblingNews", () => {
  test("tells all that serve who may be a home, when that has changed", () => {
    const fakes = [0, 1, 2].map((slot) => new FakeWorkerProcess(slot));
    const [first, second, third] = fakes as [FakeWorkerProcess, FakeWorkerProcess, FakeWorkerProcess];
    third.state = "starting";
    const workers = fakes.map(({ process }) => process);
    let isLeaving = false;
    const news = new SiblingNews({ workers, isPlaced: () => true }, () => isLeaving);
    news.tell();
    news.tell();
    const both = { type: "siblings", members: [first.owner, second.owner] };
    expect(fakes.map(({ told }) => told)).toEqual([[both], [both], []]);
    third.state = "ready";
    first.state = "draining";
    news.tell();
    const later = { type: "siblings", members: [second.owner, third.owner] };
    expect(fakes.map(({ told }) => told)).toEqual([[both, later], [both, later], [later]]);
    isLeaving = true;
    news.tell();
    expect(third.told.at(-1)).toEqual({ type: "siblings", members: [] });
  });
});
