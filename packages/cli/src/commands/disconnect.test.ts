import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { runProgram } from "../program.js";
import { TestTerminal } from "../testing/terminal.js";

const run = (terminal: TestTerminal, ...args: string[]) => runProgram(args, terminal, { version: "1.2.3" });
const SID = "AAAB0123456789abcdef";
const UNTIL = Date.UTC(2030, 0, 1);

describe("commands on the admin API", () => {
  let server: Server;
  let url = "";
  let requests: { path: string; body: unknown }[];
  let answers: { status?: number; body: unknown }[];

  beforeEach(async () => {
    requests = [];
    answers = [{ body: {} }];
    server = createServer(async (request: IncomingMessage, response) => {
      let text = "";
      for await (const chunk of request) text += String(chunk);
      requests.push({ path: request.url ?? "", body: text === "" ? undefined : JSON.parse(text) });
      const { status = 200, body } = (answers.length > 1 ? answers.shift() : answers[0]) ?? { body: {} };
      response.writeHead(status, { Connection: "close" }).end(JSON.stringify(body));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  it("disconnect says which clients, why and whether to come back", async () => {
    const terminal = new TestTerminal();
    expect(await run(terminal, "disconnect", "--user", "42", "--admin", url)).toBe(0);
    expect(
      await run(
        terminal,
        "disconnect",
        "--session",
        SID,
        "--reason",
        "bye",
        "--no-reconnect",
        "--admin",
        url,
      ),
    ).toBe(0);
    expect(requests).toEqual([
      { path: "/api/disconnect", body: { user: "42", reconnect: true } },
      { path: "/api/disconnect", body: { session: SID, reason: "bye", reconnect: false } },
    ]);
    expect(terminal.printed[0]).toBe(`told every worker to disconnect user:42, through ${url}`);
  });

  it("disconnect --revoke says until when, as a duration, a time, or not at all", async () => {
    answers = [{ body: { at: 1, until: UNTIL } }];
    const terminal = new TestTerminal();
    const before = Date.now();
    expect(
      await run(terminal, "disconnect", "--token", "t", "--revoke", "--until", "2h", "--admin", url),
    ).toBe(0);
    expect(await run(terminal, "disconnect", "--token", "t", "--revoke", "--admin", url)).toBe(0);
    const [first, second] = requests.map(({ body }) => body as { until?: number });
    expect(first?.until).toBeGreaterThanOrEqual(before + 7_200_000);
    expect(first?.until).toBeLessThanOrEqual(Date.now() + 7_200_000);
    expect(second).toEqual({ token: "t" });
    expect(terminal.printed[1]).toBe(`revoked token:t until 2030-01-01T00:00:00.000Z, through ${url}`);
  });

  it.each([
    [["disconnect"], /say one of --user, --session, --token/],
    [["disconnect", "--user", "1", "--token", "2"], /say one of/],
    [["disconnect", "--session", "short"], /say one of --user, --session, --token, with its id/],
    [["disconnect", "--user", "1", "--until", "2h"], /--until is for --revoke/],
    [["disconnect", "--user", "1", "--revoke", "--until", "yesterday"], /--until must be a duration/],
    [["disconnect", "--user", "1", "--revoke", "--until", "2001-01-01"], /within 400 days/],
    [["disconnect", "--user", "1", "--revoke", "--reason", "x"], /--reason and --no-reconnect/],
    [["history", "a b"], /the channel's name/],
  ])("%j ends with 2", async (args, line) => {
    const terminal = new TestTerminal();
    expect(await run(terminal, ...args, "--admin", url)).toBe(2);
    expect(terminal.errors).toEqual([expect.stringMatching(line)]);
    expect(requests).toEqual([]);
  });

  it("channels prints all pages", async () => {
    answers = [
      { body: { channels: [{ channel: "a b", subscribers: 2 }], next: "a" } },
      { body: { channels: [{ channel: "b", subscribers: 1 }] } },
    ];
    const terminal = new TestTerminal();
    expect(await run(terminal, "channels", "--prefix", "x&y", "--admin", url)).toBe(0);
    expect(terminal.printed).toEqual(["2\ta b", "1\tb"]);
    expect(requests.map(({ path }) => path)).toEqual([
      "/api/channels?prefix=x%26y&after=&limit=1000",
      "/api/channels?prefix=x%26y&after=a&limit=1000",
    ]);
  });

  it("presence prints all members, and how many", async () => {
    const counts = { users: 2, sessions: 2, version: 1 };
    answers = [
      { body: { ...counts, members: [{ session: "s1", user: "ann" }], next: "c" } },
      { body: { ...counts, members: [{ session: "s2" }] } },
    ];
    const terminal = new TestTerminal();
    expect(await run(terminal, "presence", "room:1", "--admin", url)).toBe(0);
    expect(terminal.printed).toEqual(["s1\tann", "s2\t", "2 users with 2 sessions"]);
    expect(requests[1]?.path).toBe("/api/presence?channel=room%3A1&limit=1000&after=c");
  });

  it("history prints the newest, oldest first, and says when there is none", async () => {
    const publications = [
      { offset: 8, data: { n: 1 } },
      { offset: 7, data: "x" },
    ];
    answers = [{ body: { offset: 8, epoch: "e", publications } }];
    const terminal = new TestTerminal();
    expect(await run(terminal, "history", "news", "--limit", "2", "--admin", url)).toBe(0);
    expect(terminal.printed).toEqual(['7\t"x"', '8\t{"n":1}']);
    expect(requests[0]?.path).toBe("/api/history?channel=news&limit=2&reverse=true");
    answers = [{ status: 404, body: { error: { name: "no_history", message: "None." } } }];
    expect(await run(terminal, "history", "news", "--admin", url)).toBe(1);
    expect(terminal.errors).toEqual([expect.stringMatching(/refused with 404: None\. \(no_history\)$/)]);
  });

  it("says in JSON what it did, with --json", async () => {
    const said = async (body: object, ...command: string[]): Promise<unknown> => {
      answers = [{ body }];
      const terminal = new TestTerminal();
      expect(await run(terminal, ...command, "--json", "--url", url)).toBe(0);
      expect(terminal.printed).toHaveLength(1);
      return JSON.parse(terminal.printed.join());
    };
    const position = { offset: 7, epoch: "e" };
    expect(await said(position, "publish", "news", "1")).toEqual({
      channel: "news",
      bytes: 1,
      gateway: url,
      ...position,
    });
    expect(await said({}, "broadcast", "22")).toEqual({ channel: null, bytes: 2, gateway: url });
    expect(await said({}, "disconnect", "--user", "42")).toEqual({ subject: "user:42", gateway: url });
    const until = Date.parse("2030-01-31T12:00Z");
    expect(await said({ until }, "disconnect", "--user", "42", "--revoke")).toEqual({
      subject: "user:42",
      gateway: url,
      until,
    });
    const drain = { state: "draining", left: 1, total: 2, startedAt: null, deadline: null };
    expect(await said(drain, "drain")).toEqual(drain);
  });

  it("prints every list as one JSON document with --json, also an empty one", async () => {
    const list = async (body: readonly object[], ...command: string[]): Promise<unknown> => {
      answers = body.map((each) => ({ body: each }));
      const terminal = new TestTerminal();
      expect(await run(terminal, ...command, "--json", "--url", url)).toBe(0);
      return JSON.parse(terminal.printed.join("\n"));
    };
    const [one, two] = [
      { channel: "a b", subscribers: 2 },
      { channel: "b", subscribers: 1 },
    ];
    expect(await list([{ channels: [one], next: "a" }, { channels: [two] }], "channels")).toEqual([one, two]);
    expect(await list([{ channels: [] }], "channels")).toEqual([]);
    const counts = { users: 1, sessions: 2 };
    const members = [{ session: "s1", user: "ann", info: { x: 1 } }, { session: "s2" }];
    const pages = members.map((member, index) => ({
      ...counts,
      members: [member],
      ...(index === 0 && { next: "c" }),
    }));
    expect(await list(pages, "presence", "room")).toEqual({ members, ...counts });
    const publications = [
      { offset: 8, data: { n: 1 } },
      { offset: 7, data: "x" },
    ];
    expect(await list([{ offset: 8, epoch: "e", publications }], "history", "news")).toEqual(
      [...publications].reverse(),
    );
  });
});
