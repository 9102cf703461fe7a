/**
 * What one peer may make the gateway spend by HTTP, over real sockets and through the front door: requests at
 * once, sessions, and what it is told at each limit.
 */
import { Agent, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { within } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { PlainClient } from "./plain-client.js";
import { rawRequest } from "./raw-request.js";
import { Resources } from "./resources.js";

jest.setTimeout(90_000);

const PAGE = "https://shop.example";
const MAX_CONNECTIONS = 30;
const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;
let pids: readonly number[];

beforeAll(async () => {
  gateway = shared.add(
    await GatewayProcess.start({
      args: [
        ...["--workers", "1", "--origins", PAGE, "--max-connections", `${MAX_CONNECTIONS}`],
        ...["--session-rate-per-connection", "4", "--session-rate-per-address", "off"],
        ...["--poll-grace", "60s"],
      ],
    }),
  );
  pids = gateway.workerPids();
});
afterEach(async () => {
  await own.close();
  expect(gateway.workerPids()).toEqual(pids);
});
afterAll(() => shared.close());

const metrics = async () => (await gateway.adminGet("/metrics")).text;

/** Everything that came until the other side ended the connection. */
async function allOf(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = own.add(Object.assign(connect(Number(port), hostname), { close() {} }));
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.write(text);
  await within(closed, `the end of a connection to ${url}`, 30_000);
  return answer;
}

describe("pipelined requests", () => {
  test.each([
    ["the public port", () => gateway.http, "/healthz", "holdfast_http_connections_cut_total"],
    ["the admin port", () => gateway.admin, "/livez", "holdfast_admin_connections_cut_total"],
  ])("beyond a few end the connection, and are not held: %s", async (_what, url, path, name) => {
    const { host } = new URL(url());
    const many = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(1_700);
    const answers = await Promise.all(Array.from({ length: 12 }, () => allOf(url(), many)));
    // A reset may overtake the last answers.
    for (const answer of answers) expect(answer.match(/HTTP\/1\.1 200/g)?.length ?? 0).toBeLessThanOrEqual(8);
    expect(metric(await metrics(), name)).toBeGreaterThanOrEqual(12);
  });
});

describe("sessions by HTTP requests", () => {
  function ask(agent: Agent | false, nth: number): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers = { Origin: PAGE };
      const asked = request(`${gateway.http}/poll`, { method: "POST", agent, headers });
      asked.on("error", reject).on("response", (response) => {
        response.resume().once("end", () => resolve(response));
      });
      asked.end(JSON.stringify({ channels: [`tea:${nth}`] }));
    });
  }

  test("have a rate over one connection, and count toward maxConnections for all", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    own.add({ close: () => agent.destroy() });
    const refused: IncomingMessage[] = [];
    for (let nth = 0; nth < 60; nth++) {
      const answer = await ask(agent, nth);
      if (answer.statusCode === 503) refused.push(answer);
      else expect(answer.statusCode).toBe(200);
    }
    expect(refused.length).toBeGreaterThan(20);
    for (const { headers } of refused) {
      expect(Number(headers["retry-after"])).toBeGreaterThan(0);
      expect(headers["access-control-allow-origin"]).toBe(PAGE);
      expect(headers["access-control-expose-headers"]).toBe("Retry-After");
    }
    expect(metric(await metrics(), "holdfast_sessions_refused_total")).toBeGreaterThanOrEqual(refused.length);
    // Each of a connection of its own.
    for (let nth = 0; nth < MAX_CONNECTIONS; nth++) await ask(false, 1_000 + nth);
    const full = await rawRequest(
      gateway.http,
      `POST /poll HTTP/1.1\r\nHost: x\r\nOrigin: ${PAGE}\r\nContent-Length: 21\r\nConnection: close\r\n\r\n{"channels":["green"]}`,
    );
    expect(full.status).toBe(503);
    expect(full.head).toContain(`Access-Control-Allow-Origin: ${PAGE}`);
    expect(full.head).toContain("Retry-After: ");
    await expect(PlainClient.connected(gateway.ws())).rejects.toThrow();
  });
});
