import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { reportOf, sampleOf } from "../testing/report.js";
import { prepareFolder, writeReport } from "./files.js";
import { htmlReport } from "./html.js";
import { failuresText, shortcomings } from "./report.js";
import { figures } from "./summary.js";

describe("the verdict", () => {
  test("a good run has no shortcomings, whatever failed on the way", () => {
    expect(shortcomings(reportOf({ failures: { "HTTP 503": 3 } }))).toEqual([]);
  });

  test("names what was not opened, lost or not received once, and why", () => {
    const [round] = reportOf({}).rounds;
    const report = reportOf({
      connected: 97,
      lost: 1,
      failures: { ECONNREFUSED: 16, "lost: closed 3004 no_pong": 1 },
      rounds: [{ ...round!, once: 95, missing: 2, repeated: 1 }],
    });
    expect(shortcomings(report)).toEqual([
      "2 of 100 connections could not be opened",
      "1 sessions were lost",
      "broadcast 1 reached 95 of 100 exactly once (2 not at all, 1 more than once)",
      "ECONNREFUSED: 16, lost: closed 3004 no_pong: 1",
    ]);
  });

  test("an interrupted run says so, and not that connections failed", () => {
    expect(shortcomings(reportOf({ ending: "interrupted", connected: 5 }))).toEqual([
      "the run was interrupted",
    ]);
  });

  test("a broadcast that was not taken is one", () => {
    expect(shortcomings(reportOf({ rounds: [], problems: ["the broadcast was not taken"] }))).toEqual([
      "the broadcast was not taken",
    ]);
  });

  test("many reasons are cut short, the most frequent first", () => {
    expect(failuresText({ a: 1, b: 3, c: 2 }, 2)).toBe("b: 3, c: 2, and 1 more reasons");
    expect(failuresText({})).toBe("");
  });
});

describe("the page", () => {
  test("stands alone: no script, nothing from elsewhere, every tag closed", () => {
    const html = htmlReport(reportOf({}));
    expect(html).not.toMatch(/<script|src=|@import|url\(/);
    expect([...html.matchAll(/https?:\/\/[^" ]+/g)].map(([url]) => url)).toEqual(
      Array.from({ length: html.match(/<svg /g)?.length ?? 0 }, () => "http://www.w3.org/2000/svg"),
    );
    for (const tag of ["html", "head", "body", "table", "tr", "th", "td", "figure", "svg", "text", "style"]) {
      const opened = html.match(new RegExp(`<${tag}[ >]`, "g"))?.length;
      expect([tag, html.match(new RegExp(`</${tag}>`, "g"))?.length]).toEqual([tag, opened]);
    }
  });

  test("has a chart for everything that has a course, and for each broadcast", () => {
    const html = htmlReport(reportOf({}));
    for (const heading of [
      "Connections",
      "Memory",
      "CPU",
      "Longest garbage collection",
      "Event-loop delay",
      "Broadcast 1",
    ]) {
      expect(html).toContain(`>${heading}`);
    }
    expect(html.match(/<figure>/g)).toHaveLength(8);
  });

  test("leaves out what could not be read", () => {
    const unknown = {
      gatewayBytes: null,
      gatewayCpu: null,
      loopDelayP99Ms: null,
      loopDelayMaxMs: null,
      gcShare: null,
      gcLongestMs: null,
    };
    const report = reportOf({ samples: [sampleOf({ s: 0, ...unknown }), sampleOf({ s: 1, ...unknown })] });
    expect(htmlReport(report)).not.toContain("Event-loop delay of");
  });

  test("escapes what others said", () => {
    const html = htmlReport(reportOf({ lost: 1, failures: { "lost: <b>&": 1 } }));
    expect(html).toContain("lost: &lt;b&gt;&amp;");
    expect(html).not.toContain("<b>");
  });
});

test("the figures are those of the report", () => {
  const shown = Object.fromEntries(figures(reportOf({})));
  expect(shown.connected).toBe("100 of 100 (2 agents)");
  expect(shown["gateway's memory"]).toBe(
    "0 MiB in all, 3 processes included (1 MiB before the first connection)",
  );
  expect(shown["broadcast 1"]).toContain("100 of 100 exactly once; p50 4.0 ms, p99 9.0 ms, all after 12 ms");
});

test("memory per connection is said where it means something, and nowhere else", () => {
  const memory = (connections: number) => ({
    gatewayBytes: connections * 3_500,
    emptyGatewayBytes: 2 ** 20,
    agentsBytes: connections * 2_000,
    kernelBytes: connections * 9_000,
    connections,
  });
  const shown = (connections: number) =>
    Object.fromEntries(figures(reportOf({ connected: connections, memory: memory(connections) })));
  const few = shown(19_999);
  expect(Object.values(few).join()).not.toContain("bytes a connection");
  expect(few["memory a connection"]).toBe(
    "not said below 20,000 connections: it would be that of the processes",
  );
  const many = shown(20_000);
  expect(many["gateway's memory"]).toBe(
    "3,500 bytes a connection, 67 MiB in all, 3 processes included (1 MiB before the first connection)",
  );
  expect(many["kernel's memory"]).toContain("9,000 bytes a connection");
  expect(many["memory a connection"]).toBeUndefined();
});

test("both files are written, and a folder that cannot be is one sentence", () => {
  const folder = mkdtempSync(join(tmpdir(), "swarm-report-"));
  try {
    const report = reportOf({});
    const [json = "", html = ""] = writeReport(folder, report);
    expect(JSON.parse(readFileSync(json, "utf8"))).toEqual(report);
    expect(readFileSync(html, "utf8")).toBe(htmlReport(report));
    expect(() => prepareFolder(join(json, "below"))).toThrow(/^cannot write the report to /);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
