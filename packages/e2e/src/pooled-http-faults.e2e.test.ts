/**
 * Plain HTTP on shared connections while workers are killed, or the primary is frozen: every request is
 * answered, by another worker or with 503 at worst, and the connection goes on.
 */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { HaProxy } from "./haproxy.js";
import { getRequest, KeepAliveSocket, type KeptAnswer } from "./keep-alive-socket.js";
import { Resources } from "./resources.js";
import { answeredBySlot, answeredSince, openSessions, type SessionsBySlot, sidOf } from "./session-owners.js";

jest.setTimeout(60_000);

const own = new Resources();
let gateway: GatewayProcess;
let sessions: SessionsBySlot;

beforeEach(async () => {
  gateway = own.add(await GatewayProcess.start({ args: ["--log-level", "debug"] }));
  sessions = await openSessions(gateway, own, 2, 4);
});
afterEach(() => own.close());

const health = (slot: number, index = 0): string => `/healthz?sid=${sidOf(sessions, slot, index)}`;

/** Ends the worker of a slot as a crash would; resolves when the primary knows. */
async function kill(slot: number): Promise<void> {
  const ready = gateway.log.findLast(({ msg, worker }) => msg === "worker ready" && worker === slot);
  const seen = gateway.log.length;
  process.kill(Number(ready?.workerPid), "SIGKILL");
  await eventually("the primary knows", () =>
    gateway.log.slice(seen).some(({ msg, worker }) => msg === "worker ended" && worker === slot),
  );
}

/** Asks in turn for all sessions until told to stop. */
async function askOn(socket: KeepAliveSocket, going: () => boolean): Promise<KeptAnswer[]> {
  const answers: KeptAnswer[] = [];
  for (let i = 0; going(); i++) answers.push(await socket.get(health(i % 2, i)));
  return answers;
}

/** 200, or an error that says to come again; which of them cannot be known while a worker dies. */
function expectAnswered(answers: readonly KeptAnswer[]): void {
  expect(answers.length).toBeGreaterThan(0);
  const others = answers.filter(({ status }) => status !== 200);
  for (const answer of others) {
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
  }
}

describe("the primary is frozen", () => {
  test("workers still answer for each other", async () => {
    const socket = own.add(await KeepAliveSocket.open(gateway.port));
    await socket.get(health(0));
    const before = await answeredBySlot(gateway);
    gateway.signal("SIGSTOP");
    try {
      for (let i = 0; i < 3; i++) expect((await socket.get(health(1, i))).status).toBe(200);
    } finally {
      gateway.signal("SIGCONT");
    }
    expect(await answeredSince(gateway, before)).toEqual({ 1: 3 });
  });
});

describe("the worker of a session is killed", () => {
  test("while requests for it are pipelined on another worker's connection", async () => {
    const socket = own.add(await KeepAliveSocket.open(gateway.port));
    await socket.get(health(0));
    const answers: KeptAnswer[] = [];
    let going = true;
    const killed = kill(1).finally(() => {
      going = false;
    });
    // As many at once as a connection may have under way, less one that would be its last.
    while (going) {
      socket.write(getRequest(health(1)).repeat(6));
      for (let i = 0; i < 6; i++) answers.push(await socket.answer());
    }
    await killed;
    expectAnswered(answers);
    expect((await socket.get(health(0))).status).toBe(200);
  });

  test("and from then on another answers, whatever the method", async () => {
    const socket = own.add(await KeepAliveSocket.open(gateway.port));
    await socket.get(health(0));
    expect((await socket.get(health(1))).status).toBe(200);
    await kill(1);
    const before = await answeredBySlot(gateway);
    expect(await socket.get(health(1))).toMatchObject({ status: 200, body: "ok" });
    const body = "GET /nowhere HTTP/1.1\r\n\r\n";
    const head = `POST ${health(1)} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
    socket.write(head + body + getRequest(health(1)));
    expect((await socket.answer()).status).toBe(405);
    expect((await socket.answer()).status).toBe(200);
    expect(await answeredSince(gateway, before)).toEqual({ 0: 3 });
    await gateway.ready();
    // Its successor has another generation: it is no owner.
    expect((await socket.get(health(1))).status).toBe(200);
    expect((await answeredSince(gateway, before))[0]).toBe(4);
  });

  test("while clients of a HAProxy ask on: none hangs, none is refused for good", async () => {
    const proxy = own.add(await HaProxy.start(gateway.port));
    const clients = await Promise.all(
      Array.from({ length: 8 }, async () => own.add(await KeepAliveSocket.open(proxy.port))),
    );
    let going = true;
    const asking = Promise.all(clients.map((client) => askOn(client, () => going)));
    for (const slot of [1, 0]) {
      await kill(slot);
      await gateway.ready();
    }
    going = false;
    const answers = (await asking).flat();
    expectAnswered(answers);
    for (const client of clients) expect((await client.get(health(0))).status).toBe(200);
  });
});
