import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { DrainProgress } from "@holdfast/gateway";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { runProgram } from "../program.js";
import { TestTerminal } from "../testing/terminal.js";
import { drainCommand } from "./drain.js";

const run = (terminal: TestTerminal, ...args: string[]) => runProgram(args, terminal, { version: "1.2.3" });

const DEADLINE = "2099-01-01T00:00:00.000Z";

function at(state: DrainProgress["state"], left: number, deadline = DEADLINE): DrainProgress {
  return { state, left, total: 9, startedAt: "2026-01-01T00:00:00.000Z", deadline };
}

describe("holdfast drain", () => {
  let server: Server;
  let url = "";
  let asked: string[];
  /** What is answered, one after the other; the last one stays, "end" closes the port. */
  let answers: (DrainProgress | "end")[];

  beforeEach(async () => {
    asked = [];
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answers[0] === "end") server.close();
      const status = request.method === "POST" ? 202 : 200;
      request.resume().on("end", () => {
        response.writeHead(status, { Connection: "close" }).end(JSON.stringify(answer));
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  it("asks once and says how far it is", async () => {
    const terminal = new TestTerminal();
    answers = [at("draining", 9)];
    expect(await run(terminal, "drain", "--admin", url)).toBe(0);
    expect(asked).toEqual(["POST /api/drain"]);
    expect(terminal.printed).toEqual([`draining: 9 of 9 clients left, none by ${DEADLINE}`]);
  });

  it("with --wait prints what changes, until no client is left", async () => {
    const terminal = new TestTerminal();
    answers = [at("announced", 9), at("draining", 4), at("draining", 4), at("drained", 0)];
    expect(await run(terminal, "drain", "--wait", "--admin", url)).toBe(0);
    expect(asked).toEqual(["POST /api/drain", ...Array(3).fill("GET /api/drain")]);
    expect(terminal.printed.map((line) => line.split(":")[0])).toEqual(["announced", "draining", "drained"]);
  });

  it("with --wait ends when the gateway has ended", async () => {
    const terminal = new TestTerminal();
    answers = [at("draining", 4), "end"];
    expect(await run(terminal, "drain", "--wait", "--admin", url)).toBe(0);
    expect(terminal.printed.at(-1)).toBe("the gateway has ended");
  });

  it("fails in one line when it is no gateway, or is interrupted", async () => {
    const interrupted = new TestTerminal();
    interrupted.interrupt();
    answers = [at("draining", 4)];
    expect(await run(interrupted, "drain", "--wait", "--admin", url)).toBe(1);
    expect(interrupted.errors).toEqual(["holdfast: interrupted; the gateway goes on draining"]);
    const nobody = new TestTerminal();
    expect(await run(nobody, "drain", "--admin", "http://127.0.0.1:1")).toBe(1);
    expect(nobody.errors).toEqual([expect.stringContaining("no gateway at http://127.0.0.1:1")]);
  });

  it("gives up when the drain takes longer than it should, whatever the two wall clocks say", async () => {
    let elapsed = 0;
    const command = drainCommand(new TestTerminal(), () => {
      elapsed += 20_000;
      return elapsed;
    });
    answers = [at("draining", 4, "2026-01-01T00:00:10.000Z")];
    await expect(command.parseAsync(["--wait", "--admin", url], { from: "user" })).rejects.toThrow(
      "the gateway is past its deadline, and 4 clients are left: see its log",
    );
    // The first look is no time at all after the first answer, though the deadline is years ago by our clock.
    expect(asked).toEqual(["POST /api/drain", "GET /api/drain"]);
  });
});
