import { Incidents, SparseLog } from "@holdfast/core";
import { FakeClock, RecordingLogger } from "@holdfast/core/testing";
import { describe, expect, it } from "@jest/globals";
import { originCheck } from "../../http/origin.js";
import { loggedCheck, noticeIn } from "./noticed.js";

function world(origins?: readonly string[]) {
  const logger = new RecordingLogger();
  const log = new SparseLog(logger, new FakeClock());
  return { logger, log, check: loggedCheck(originCheck(origins), log, new Incidents(Date.now), origins) };
}

describe("a page that is refused by its origin", () => {
  it("is logged once, with the flag that lets it in beside those that are let in", () => {
    const { logger, check } = world(["https://app.example"]);
    expect(check("https://app.example", "gateway.example")).toBe(true);
    for (let i = 0; i < 100; i++) expect(check("http://localhost:5173", "gateway.example")).toBe(false);
    expect(logger.lines).toEqual([
      {
        level: "warn",
        fields: {
          origin: "http://localhost:5173",
          host: "gateway.example",
          add: "--origins https://app.example,http://localhost:5173",
        },
        message: "refused a page by its origin",
      },
    ]);
  });

  it("cannot fill the log by another origin each time, nor by a long one", () => {
    const { logger, check } = world();
    for (let i = 0; i < 1_000; i++) check(`https://${"x".repeat(5_000)}${i}.example`, "y".repeat(5_000));
    for (let i = 0; i < 1_000; i++) check(`https://${i}.example`, "gateway.example");
    expect(logger.lines.length).toBeLessThanOrEqual(10);
    expect(JSON.stringify(logger.lines[0]).length).toBeLessThan(1_000);
  });

  it("has no flag where it sends no origin", () => {
    const { logger, check } = world();
    expect(check(undefined, "gateway.example", "cross-site")).toBe(false);
    expect(logger.lines[0]?.fields).toEqual({
      origin: "none, from a page that is cross-site",
      host: "gateway.example",
    });
  });
});

describe("a request that was meant otherwise", () => {
  it("is logged with its path and the hint", () => {
    const { logger, log } = world();
    const notice = noticeIn(log, new Incidents(Date.now));
    notice("/socket.io/", "This is no Socket.IO server.");
    notice("/socket.io/", "This is no Socket.IO server.");
    expect(logger.lines).toEqual([
      {
        level: "info",
        fields: { path: "/socket.io/", hint: "This is no Socket.IO server." },
        message: "refused a request",
      },
    ]);
  });
});
