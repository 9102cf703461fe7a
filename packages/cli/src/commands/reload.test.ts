import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { ReloadAnswer } from "../admin-client.js";
import { runProgram } from "../program.js";
import { TestTerminal } from "../testing/terminal.js";

function at(state: ReloadAnswer["state"], left: number, problem: string | null = null): ReloadAnswer {
  return { state, left, total: 4, problem };
}

describe("holdfast reload", () => {
  let server: Server;
  let terminal: TestTerminal;
  let asked: string[];
  /** What is answered, one after the other; the last one stays. */
  let answers: ReloadAnswer[];
  let refusal: { status: number; message: string } | undefined;

  beforeEach(async () => {
    terminal = new TestTerminal();
    asked = [];
    refusal = undefined;
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      request.resume().on("end", () => {
        if (refusal !== undefined) {
          const error = { name: "reload_refused", message: refusal.message };
          response.writeHead(refusal.status, { Connection: "close" }).end(JSON.stringify({ error }));
          return;
        }
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        const status = request.method === "POST" ? 202 : 200;
        response.writeHead(status, { Connection: "close" }).end(JSON.stringify(answer));
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const run = (...args: string[]) =>
    runProgram(
      ["reload", "--url", `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ...args],
      terminal,
      { version: "1.2.3" },
    );

  it("asks once and says how far it is", async () => {
    answers = [at("rolling", 4)];
    expect(await run()).toBe(0);
    expect(asked).toEqual(["POST /api/reload"]);
    expect(terminal.printed).toEqual(["replacing: 4 of 4 workers left"]);
  });

  it("with --wait says what changes until all workers are replaced, to programs as JSON", async () => {
    const course = [at("rolling", 4), at("rolling", 2), at("rolling", 2), at("done", 0)];
    answers = [...course];
    expect(await run("--wait")).toBe(0);
    expect(terminal.printed).toEqual([
      "replacing: 4 of 4 workers left",
      "replacing: 2 of 4 workers left",
      "done: all 4 workers are replaced",
    ]);
    terminal.printed.length = 0;
    answers = [...course];
    expect(await run("--wait", "--json")).toBe(0);
    expect(terminal.printed.map((line) => JSON.parse(line))).toEqual([course[0], course[1], course[3]]);
  });

  it("fails with the gateway's reason where the settings are wrong, or the round ends early", async () => {
    refusal = { status: 409, message: "The old settings go on: port must be a number" };
    expect(await run()).toBe(1);
    expect(terminal.errors.join()).toContain("port must be a number");
    refusal = undefined;
    answers = [at("rolling", 4), at("failed", 3, "a new worker ended")];
    expect(await run("--wait")).toBe(1);
    expect(terminal.printed.at(-1)).toBe("failed: 3 of 4 workers were not replaced");
    expect(terminal.errors.at(-1)).toBe("holdfast: the reload ended early: a new worker ended");
  });

  it("ends when it is interrupted, and the gateway goes on", async () => {
    terminal.interrupt();
    answers = [at("rolling", 4)];
    expect(await run("--wait")).toBe(1);
    expect(terminal.errors).toEqual(["holdfast: interrupted; the gateway goes on replacing its workers"]);
  });
});
