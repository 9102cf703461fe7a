import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { runProgram } from "../program.js";
import {
  AnsweringServer,
  overviewOf,
  rebalanceOf,
  STARTED_AT,
  shareOf,
  surveyOf,
  workerOf,
} from "../testing/overview.js";
import { TestTerminal } from "../testing/terminal.js";
import { statusCommand } from "./status.js";
import { topCommand } from "./top.js";

const REPORT = {
  session: "s-1",
  user: "ada\x1b[2J",
  codec: "json",
  resumable: true,
  silentMs: 1500,
  outbox: { bytes: 2048, messages: 3, ageMs: 4000, fill: 0.5 },
  subscriptions: [
    {
      channel: "news",
      position: { offset: 7, epoch: "e" },
      hasPresence: false,
      slowPolicy: "drop",
      skipped: 2,
    },
  ],
  moreSubscriptions: 0,
};
const INCIDENT = {
  kind: "refused",
  code: "permission_denied",
  message: "No rule allows it.",
  session: "s-1",
  user: "ada",
  channel: "secret",
  at: STARTED_AT,
  times: 3,
};

describe("commands that look into a running gateway", () => {
  let server: AnsweringServer;
  let terminal: TestTerminal;
  beforeEach(async () => {
    server = await AnsweringServer.start();
    terminal = new TestTerminal();
  });
  afterEach(() => server.close());
  const run = (...args: string[]) =>
    runProgram([...args, "--url", server.url], terminal, { version: "1.2.3" });
  const printed = () => terminal.printed.join("\n");

  const status = (...args: string[]) =>
    statusCommand(terminal, async () => {}).parseAsync([...args, "--url", server.url], { from: "user" });

  const top = (...args: string[]) =>
    topCommand(terminal, async () => {}).parseAsync([...args, "--url", server.url], { from: "user" });

  it("status shows the instance on one screen, with rates of two overviews", async () => {
    const workers = [workerOf(0, { counters: { commands: 50, deliveries: 1200 } }), workerOf(1)];
    const second = overviewOf({ at: overviewOf().at + 1000, workers });
    server.answers["/api/overview"] = [overviewOf(), second];
    const warning = {
      at: STARTED_AT,
      level: "warn",
      process: "1",
      message: "slow\x07",
      details: "{}",
      times: 2,
    };
    server.answers["/api/warnings"] = [{ warnings: [warning] }];
    await status();
    expect(server.asked).toEqual(["/api/overview", "/api/overview", "/api/warnings?limit=5"]);
    expect(printed()).toContain("holdfast 1.2.3 on Node.js v22.12.0, up 1 h\nready\n");
    expect(printed()).toContain("connections  20 of 1,000, 0 sockets at the door");
    expect(printed()).toContain("in           50 commands/s, 0 connections/s");
    expect(printed()).toMatch(/^ +0 +ready +10 +50 +1,200 +0 +2 ms +25 % +0 % +50\.0 MiB/m);
    expect(printed()).toContain("2026-01-01 00:00:00  warn  worker 1: slow\\u{7} (2 times)");
  });

  it("status says why a gateway is not ready, how far a drain is, and ends with 3", async () => {
    const problems = ["Redis cannot be reached."];
    const drain = { state: "draining" as const, left: 4, total: 9, startedAt: "", deadline: "12:00" };
    const overview = overviewOf({ ready: false, problems, drain, reloadLeft: 1 });
    server.answers["/api/overview"] = [overview];
    server.answers["/api/warnings"] = [{ warnings: [] }];
    await expect(status()).rejects.toMatchObject({ exitCode: 3, message: expect.stringContaining("Redis") });
    expect(printed()).toContain("not ready: Redis cannot be reached.");
    expect(printed()).toContain("draining: 4 of 9 left, none by 12:00; reload: 1 worker left");
  });

  it("status and top --once show what each instance of a cluster carries, and their JSON has it", async () => {
    const rebalance = rebalanceOf([shareOf("a/1", 10_000, { over: 2_425, sheds: true }), shareOf("b/2", 0)]);
    server.answers["/api/overview"] = [overviewOf({ rebalance })];
    server.answers["/api/warnings"] = [{ warnings: [] }];
    server.answers["/api/survey"] = [surveyOf()];
    const commands = [() => status(), () => top("--once")];
    for (const command of commands) {
      terminal.printed.length = 0;
      await command();
      expect(printed()).toContain("cluster      20,000 clients at 2 instances, spread 150 % of the mean");
      expect(printed()).toMatch(/^a\/1 +serving +10,000 +7,500 +2,425 +yes +1 +20,000$/m);
    }
    for (const command of [() => status("--json"), () => top("--once", "--json")]) {
      terminal.printed.length = 0;
      await command();
      expect(JSON.parse(printed())).toMatchObject({ rebalance });
    }
  });

  it("status --json is one document with rates", async () => {
    server.answers["/api/overview"] = [overviewOf(), overviewOf({ at: overviewOf().at + 500 })];
    server.answers["/api/warnings"] = [{ warnings: [] }];
    await status("--json");
    expect(JSON.parse(printed())).toMatchObject({
      ready: true,
      rates: { commands: 0, workers: [{ slot: 0, commands: 0 }, { slot: 1 }] },
      warnings: [],
    });
  });

  it("connections prints a page, and how to get the next", async () => {
    const connections = [{ session: "s-1", user: "ada", subscriptions: 2, channels: ["news", "\x1b[31m"] }];
    server.answers["/api/connections"] = [{ connections, next: "s-1" }];
    expect(await run("connections", "--user", "ada", "--limit", "1", "--after", "s-0")).toBe(0);
    expect(server.asked).toEqual(["/api/connections?limit=1&user=ada&after=s-0"]);
    expect(printed()).toMatch(/^SESSION +USER +SUBSCRIPTIONS +CHANNELS/);
    expect(printed()).toContain("news, \\u{1b}[31m");
    expect(terminal.errors).toEqual(["the next page: holdfast connections --user ada --limit 1 --after s-1"]);
    terminal.printed.length = 0;
    expect(await run("connections", "--json")).toBe(0);
    expect(JSON.parse(printed())).toEqual({ connections, next: "s-1" });
  });

  it("connection shows subscriptions, what waits and what went wrong", async () => {
    server.answers["/api/connection"] = [{ connections: [REPORT], incidents: [INCIDENT] }];
    expect(await run("connection", "s-1")).toBe(0);
    expect(server.asked).toEqual(["/api/connection?session=s-1"]);
    expect(printed()).toContain("user        ada\\u{1b}[2J");
    expect(printed()).toContain("outbox      2.0 KiB in 3 frames, 50 % full, oldest 4 s");
    expect(printed()).toMatch(/^news +7 +2 +drop +no$/m);
    expect(printed()).toMatch(/^2026-01-01 00:00:00 +3 +refused +permission_denied +secret/m);
    expect(await run("connection", "--user", "ada", "--json")).toBe(0);
    expect(server.asked.at(-1)).toBe("/api/connection?user=ada");
  });

  it("connection ends with 3 where there is none, and with 2 where none is named", async () => {
    server.answers["/api/connection"] = [{ connections: [], incidents: [INCIDENT] }];
    expect(await run("connection", "--user", "ada")).toBe(3);
    expect(printed()).toContain("permission_denied");
    expect(await run("connection")).toBe(2);
    expect(await run("connection", "s-1", "--user", "ada")).toBe(2);
    expect(terminal.errors).toEqual([
      'holdfast: no connection of user "ada" is on this instance',
      "holdfast: say a session id, or --user <id>",
      "holdfast: say a session id, or --user <id>",
    ]);
  });

  it("why prints the findings, and ends with 3 where one is a fault", async () => {
    const ok = { code: "delivering", gravity: "ok", message: "Session s-1 gets news." };
    const fault = { code: "not_subscribed", gravity: "fault", message: "Session \x1b is not." };
    const rest = { connections: [], incidents: [], subscribers: 1 };
    server.answers["/api/delivery"] = [
      { findings: [ok], ...rest },
      { findings: [fault, ok], ...rest },
    ];
    expect(await run("why", "news", "--session", "s-1")).toBe(0);
    expect(server.asked).toEqual(["/api/delivery?channel=news&session=s-1"]);
    expect(await run("why", "news", "--user", "ada")).toBe(3);
    expect(terminal.printed).toEqual([
      "ok     delivering: Session s-1 gets news.",
      "fault  not_subscribed: Session \\u{1b} is not.\nok     delivering: Session s-1 gets news.",
    ]);
    expect(await run("why", "news")).toBe(2);
    expect(await run("why", "two words", "--user", "ada")).toBe(2);
    expect(terminal.errors.slice(1)).toEqual([
      "holdfast: say whose publications: --user <id> or --session <sid>",
      expect.stringContaining("holdfast: the channel's name"),
    ]);
  });

  it("incidents lists them, or says that there are none", async () => {
    server.answers["/api/incidents"] = [{ incidents: [INCIDENT] }, { incidents: [] }];
    expect(await run("incidents", "--channel", "secret", "--limit", "5")).toBe(0);
    expect(server.asked).toEqual(["/api/incidents?limit=5&channel=secret"]);
    expect(printed()).toMatch(/refused +permission_denied +secret +ada +s-1 +No rule allows it\.$/);
    expect(await run("incidents")).toBe(0);
    expect(terminal.errors).toEqual(["no incidents"]);
  });
});
