import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { InstanceSeal } from "./instance-seal.js";

const clock = new FakeClock();
const seal = new InstanceSeal(() => "the key of the cluster", clock);
const stranger = new InstanceSeal(() => "another key", clock);
const early = new InstanceSeal(() => undefined, clock);

describe("an entry of the directory", () => {
  const entry = seal.sealAddress("AAAA", "10.1.0.4:8080") ?? "";

  it("is opened by instances with the same key, for the worker that it is of", () => {
    expect(seal.openAddress("AAAA", entry)).toBe("10.1.0.4:8080");
    expect(seal.openAddress("AAAB", entry)).toBeUndefined();
  });

  it.each([
    ["without a seal", "10.1.0.4:8080"],
    ["with another address under the same seal", entry.replace("10.1.0.4", "10.6.6.6")],
    [
      "with another time under the same seal",
      entry.replace(/ (\d+) /, (_, ms: string) => ` ${Number(ms) + 1} `),
    ],
    ["of a stranger", stranger.sealAddress("AAAA", "10.1.0.4:8080") ?? ""],
    ["with more behind it", `${entry} x`],
    ["with a letter of two bytes in its seal", entry.replace(/.$/, "ü")],
  ])("%s is none", (_what, text) => {
    expect(seal.openAddress("AAAA", text)).toBeUndefined();
  });

  it("that was kept and put back later is none", () => {
    const later = new FakeClock();
    const other = new InstanceSeal(() => "the key of the cluster", later);
    const old = other.sealAddress("AAAA", "10.1.0.4:8080") ?? "";
    later.advance(60_000);
    expect(other.openAddress("AAAA", old)).toBe("10.1.0.4:8080");
    later.advance(1);
    expect(other.openAddress("AAAA", old)).toBeUndefined();
  });

  it("is neither made nor opened before there is a key", () => {
    expect(early.sealAddress("AAAA", "10.1.0.4:8080")).toBeUndefined();
    expect(early.openAddress("AAAA", entry)).toBeUndefined();
  });
});

describe("a forwarded request", () => {
  it("is answered with its proof by instances with the same key alone", () => {
    const sent = seal.forward("POST", "/poll?sid=x");
    const header = sent?.header ?? "";
    expect(seal.answerTo(header, "POST", "/poll?sid=x")).toBe(sent?.answer);
    expect(stranger.answerTo(header, "POST", "/poll?sid=x")).toBeUndefined();
    expect(early.answerTo(header, "POST", "/poll?sid=x")).toBeUndefined();
    expect(seal.answerTo(header, "POST", "/poll?sid=y")).toBeUndefined();
    expect(seal.forward("POST", "/poll?sid=x")?.answer).not.toBe(sent?.answer);
  });

  it("may say anything", () => {
    const sent = seal.forward("GET", "/")?.header ?? "";
    const near = fc.tuple(
      fc.nat(sent.length - 1),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
    );
    const changed = near.map(([at, letter]) => `${sent.slice(0, at)}${letter}${sent.slice(at + 1)}`);
    fc.assert(
      fc.property(fc.oneof(fc.string(), changed), (header) => {
        const proof = seal.answerTo(header, "GET", "/");
        expect(proof === undefined || header === sent).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
