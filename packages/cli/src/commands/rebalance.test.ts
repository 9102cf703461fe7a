import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { RebalanceReport } from "@holdfast/gateway";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { runProgram } from "../program.js";
import { rebalanceOf, shareOf } from "../testing/overview.js";
import { TestTerminal } from "../testing/terminal.js";

const HERE = { over: 2_425, isAsked: true };
const REPORT = rebalanceOf([shareOf("a:8080/1", 10_000, HERE), shareOf("b:8080/2", 0)]);

describe("holdfast rebalance", () => {
  let server: Server;
  let url = "";
  let asked: string[];
  let answer: RebalanceReport;

  beforeEach(async () => {
    asked = [];
    answer = REPORT;
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      request.resume().on("end", () => {
        response.writeHead(200, { Connection: "close" }).end(JSON.stringify(answer));
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  async function said(...args: string[]): Promise<string> {
    const terminal = new TestTerminal();
    expect(await runProgram(["rebalance", "--admin", url, ...args], terminal, { version: "1.2.3" })).toBe(0);
    return terminal.printed.join("\n");
  }

  it("with --dry-run asks without changing anything, and says what each instance carries", async () => {
    const text = await said("--dry-run");
    expect(asked).toEqual(["GET /api/rebalance"]);
    expect(text.split("\n")).toEqual([
      "INSTANCE    STATE    CLIENTS  SHARE  TOO MANY  SHEDS  WEIGHT  AT MOST",
      "a:8080/1 *  serving   10,000  7,500     2,425  no          1   20,000",
      "b:8080/2    serving        0  7,500         0  no          1   20,000",
      "20,000 clients at 2 instances, spread 150 % of the mean",
      "1 of 2 instances would send 2,425 clients or more away, in 25 s or more",
    ]);
  });

  it("begins, and says why nothing happens yet", async () => {
    answer = { ...REPORT, hold: "The instance b:8080/2 drains." };
    const lines = (await said()).split("\n");
    expect(asked).toEqual(["POST /api/rebalance"]);
    expect(lines.slice(-2)).toEqual([
      "begun: 1 of 2 instances send 2,425 clients or more away, in 25 s or more",
      "not now: The instance b:8080/2 drains.",
    ]);
  });

  it("says that there is nothing to do, and prints JSON where that is asked for", async () => {
    answer = { ...REPORT, instances: [shareOf("a:8080/1", 7_600), shareOf("b:8080/2", 7_400)] };
    expect(await said()).toContain("nothing to do: no instance is far enough above its share");
    expect(JSON.parse(await said("--json"))).toEqual(answer);
  });
});
