import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { connectionsFor, MAX_AUTO_CONNECTIONS, openFilesFor, pendingFor } from "./capacity.js";

describe("the capacity by open files", () => {
  it("grows with the limit and with the workers", () => {
    expect(connectionsFor(1024, 1)).toBe(768); // one worker has everything: no room for an uneven spread
    expect(connectionsFor(1024, 4)).toBe(2457);
    expect(connectionsFor(100, 1)).toBe(1);
  });

  it("is bounded where nothing limits the files", () => {
    expect(connectionsFor(Number.POSITIVE_INFINITY, 8)).toBe(MAX_AUTO_CONNECTIONS);
  });

  it("never promises what it would refuse", () => {
    const cases = [fc.integer({ min: 258, max: 2_000_000 }), fc.integer({ min: 1, max: 256 })] as const;
    fc.assert(
      fc.property(...cases, (openFiles, workers) => {
        const connections = connectionsFor(openFiles, workers);
        return connections <= 1 || openFilesFor(connections, workers) <= openFiles;
      }),
    );
  });
});

describe("what may wait in the primary", () => {
  it.each([
    [100, 16],
    [1_024, 691],
    [20_000, 17_769],
    [Number.POSITIVE_INFINITY, 32_768],
  ])("with %d descriptors is %d sockets", (openFiles, pending) => {
    expect(pendingFor(openFiles)).toBe(pending);
  });
});
