/**
 * From the listener to a worker: nothing is lost, and every client is answered.
 *
 * Each loss that @socket.io/sticky 2.0.1 has as shipped is shown on it, too: the reason for Holdfast's own
 * front door (docs/adr/0003-front-door.md). When a newer version keeps what this one loses, these tests say
 * so.
 */
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually, within } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { Program } from "./program.js";
import { rawRequest } from "./raw-request.js";
import { frame, OPCODES, upgradeHead } from "./raw-socket.js";
import { Resources } from "./resources.js";

jest.setTimeout(90_000);

const HEAD_TIMEOUT_MS = 2_000;
const STICKY = fileURLToPath(new URL("../dist/sticky-as-shipped.js", import.meta.url));

const shared = new Resources();
const own = new Resources();

/** What is tested: ours, or the package's. */
interface Server {
  readonly port: number;
}

let holdfast: GatewayProcess;
let sticky: Server;

async function startHoldfast(...args: string[]): Promise<GatewayProcess> {
  const headTimeout = `${HEAD_TIMEOUT_MS}ms`;
  return GatewayProcess.start({
    args: ["--head-timeout", headTimeout, "--max-head-bytes", "32KiB", ...args],
  });
}

async function startSticky(): Promise<Program & Server> {
  const program = Program.start(process.execPath, [STICKY], {
    env: { STICKY_HEAD_TIMEOUT_MS: String(HEAD_TIMEOUT_MS) },
  });
  const line = await program.line(/^listening on /);
  return Object.assign(program, { port: Number(line.slice("listening on ".length)) });
}

beforeAll(async () => {
  holdfast = shared.add(await startHoldfast());
  sticky = shared.add(await startSticky());
});
afterEach(() => own.close());
afterAll(() => shared.close());

/**
 * What became of a handshake: its status, 0 when the connection ended without one or nothing came in time.
 */
interface Outcome {
  readonly status: number;
  /** The session id in the first message after a 101, if one came. */
  readonly sid: string | undefined;
  readonly socket: Socket;
}

interface Sending {
  /** Each in a segment of its own. */
  readonly pieces: readonly (string | Buffer)[];
  /** Between two of them. */
  readonly gapMs?: number;
}

/** Time in which an answer comes, if one ever does: sticky's losses are silent ones. */
const ANSWER_MS = 4_000;

/** One client, to its first message. */
function handshake({ port }: Server, { pieces, gapMs = 0 }: Sending, answerMs = ANSWER_MS): Promise<Outcome> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  own.add({ close: () => socket.destroy() });
  let received = "";
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(overdue);
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(received)?.[1] ?? 0);
      resolve({ status, sid: /"sid":"([\w-]+)"/.exec(received)?.[1], socket });
    };
    const overdue = setTimeout(finish, answerMs);
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      // Refused, or welcomed: nothing more to wait for.
      if (received.includes('"sid":"') || /^HTTP\/1\.1 [2-5]/.test(received)) finish();
    });
    socket.on("error", () => {});
    socket.on("close", finish);
    socket.on("connect", async () => {
      for (const piece of pieces) {
        if (!socket.writable) return;
        await new Promise((sent) => socket.write(piece, sent));
        await new Promise((next) => setTimeout(next, gapMs));
      }
    });
  });
}

function storm(server: Server, count: number, sending: Sending, answerMs?: number): Promise<Outcome[]> {
  return Promise.all(Array.from({ length: count }, () => handshake(server, sending, answerMs)));
}

const head = (target: string, headers: readonly string[] = []): string =>
  upgradeHead(target, "gateway.test", headers);
const WELCOMED = head("/ws?channels=news");
const CONNECT = frame(OPCODES.text, Buffer.from('{"id":1,"connect":{}}'));

const welcomed = (outcomes: readonly Outcome[]): number =>
  outcomes.filter(({ sid }) => sid !== undefined).length;

/**
 * Whether @socket.io/sticky loses any of them. What it loses hangs on how segments meet its queue, so it gets
 * several tries; holdfast is asked once, and may lose none.
 */
async function losesSome(count: number, sending: Sending): Promise<boolean> {
  for (let tries = 0; tries < 8; tries++) {
    const outcomes = await storm(sticky, count, sending);
    for (const { socket } of outcomes) socket.destroy();
    if (welcomed(outcomes) < count) return true;
  }
  return false;
}
const ownerOf = ({ sid }: Outcome): string => sid?.slice(0, 4) ?? "nobody";

/** The text in pieces of a few bytes. */
function crumbs(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
    text.slice(i * size, (i + 1) * size),
  );
}

describe("a head in pieces", () => {
  const inTwo = [WELCOMED.slice(0, 40), WELCOMED.slice(40)];

  test("600 upgrades at once, in two segments 8 ms apart, are 600 connections", async () => {
    const outcomes = await storm(holdfast, 600, { pieces: inTwo, gapMs: 8 }, 30_000);
    expect(outcomes.map(({ status }) => status)).toEqual(Array(600).fill(101));
    expect(welcomed(outcomes)).toBe(600);
  });

  test("@socket.io/sticky loses some of them", async () => {
    expect(await losesSome(600, { pieces: inTwo, gapMs: 8 })).toBe(true);
  });

  test("in many segments it arrives whole", async () => {
    for (const size of [1, 7, 30]) {
      const outcomes = await storm(holdfast, 20, { pieces: crumbs(WELCOMED, size) }, 30_000);
      expect(welcomed(outcomes)).toBe(20);
    }
  });

  test("@socket.io/sticky loses segments", async () => {
    expect(await losesSome(100, { pieces: crumbs(WELCOMED, 7) })).toBe(true);
  });

  /** The resume requests of a session, cut at each place around its id. */
  async function resumedElsewhere(server: Server): Promise<number> {
    let elsewhere = 0;
    for (let round = 0; round < 4; round++) {
      const first = await handshake(server, { pieces: [WELCOMED] });
      const request = head(`/ws?channels=news&sid=${first.sid}`);
      const start = request.indexOf("sid=");
      const cuts = [start + 1, start + 3, start + 4, start + 10, start + 23];
      const again = await Promise.all(
        cuts.map((cut) =>
          handshake(server, { pieces: [request.slice(0, cut), request.slice(cut)], gapMs: 8 }),
        ),
      );
      elsewhere += again.filter((outcome) => ownerOf(outcome) !== ownerOf(first)).length;
    }
    return elsewhere;
  }

  test("cut inside `sid=` it still reaches the session's owner", async () => {
    expect(await resumedElsewhere(holdfast)).toBe(0);
  });

  test("@socket.io/sticky takes it to another worker, or loses it", async () => {
    expect(await resumedElsewhere(sticky)).toBeGreaterThan(0);
  });
});

describe("frames right behind the request", () => {
  test.each([
    ["in the same segment", [Buffer.concat([Buffer.from(head("/ws")), CONNECT])]],
    ["in the next one", [head("/ws"), CONNECT]],
    ["cut in two", [Buffer.concat([Buffer.from(head("/ws")), CONNECT.subarray(0, 3)]), CONNECT.subarray(3)]],
  ])("%s are answered", async (_where, pieces) => {
    expect(welcomed(await storm(holdfast, 200, { pieces }, 30_000))).toBe(200);
  });

  test("@socket.io/sticky loses those in the next segment", async () => {
    expect(await losesSome(600, { pieces: [head("/ws"), CONNECT] })).toBe(true);
  });
});

describe("headers that look like something else", () => {
  test.each(["Content-Length: 0", "X-Content-Length: 7"])(
    "an upgrade with %s is an upgrade like others",
    async (header) => {
      const sending = { pieces: [head("/ws?channels=news", [header])] };
      const [ours, theirs] = await Promise.all([handshake(holdfast, sending), handshake(sticky, sending)]);
      expect([ours.status, theirs.status]).toEqual([101, 101]);
      // As shipped, such a connection goes through the primary until the header timeout there ends it.
      if (!theirs.socket.destroyed) {
        await within(new Promise((resolve) => theirs.socket.once("close", resolve)), "sticky's end of it");
      }
      const answer = new Promise((resolve) => ours.socket.once("data", resolve));
      ours.socket.write(frame(OPCODES.ping, Buffer.from("still there?")));
      expect(String(await within(answer, "a pong"))).toContain("still there?");
    },
  );

  async function ownersByCookie(server: Server): Promise<Set<string>> {
    const first = await handshake(server, { pieces: [WELCOMED] });
    const request = head("/ws?channels=news", [
      `Cookie: xsid=${first.sid}; a=b`,
      `Referer: https://a/?sid=${first.sid}`,
    ]);
    const outcomes: Outcome[] = [];
    for (let i = 0; i < 10; i++) outcomes.push(await handshake(server, { pieces: [request] }));
    expect(welcomed(outcomes)).toBe(10);
    return new Set(outcomes.map(ownerOf));
  }

  test("`xsid=` in a cookie, or a Referer, is not a session: the load is spread", async () => {
    expect((await ownersByCookie(holdfast)).size).toBe(2);
  });

  test("@socket.io/sticky takes it for one", async () => {
    expect((await ownersByCookie(sticky)).size).toBe(1);
  });

  const cookies = `Cookie: ${"k=0123456789abcdef; ".repeat(820).slice(0, 16 * 1024)}`;

  test("16 KiB of cookies arrive", async () => {
    const outcomes = await storm(holdfast, 100, { pieces: [head("/ws?channels=news", [cookies])] }, 30_000);
    expect(welcomed(outcomes)).toBe(100);
  });

  test("@socket.io/sticky refuses or loses them", async () => {
    const outcomes = await storm(sticky, 100, { pieces: [head("/ws?channels=news", [cookies])] });
    expect(welcomed(outcomes)).toBeLessThan(100);
  });
});

describe("a worker that takes nothing", () => {
  /** Opens clients while one of two workers stands still, and ends that worker when no more are answered. */
  async function withOneStopped(
    server: Server,
    pid: number,
    killAt: (answered: number) => boolean,
    answerMs: number,
  ): Promise<Outcome[]> {
    process.kill(pid, "SIGSTOP");
    let answered = 0;
    const outcomes = Array.from({ length: 100 }, async () => {
      const outcome = await handshake(server, { pieces: [WELCOMED] }, answerMs);
      answered++;
      return outcome;
    });
    await eventually("those that can be answered are", () => killAt(answered));
    process.kill(pid, "SIGKILL");
    return Promise.all(outcomes);
  }

  test("and then dies with hand-offs queued: every client is answered by others", async () => {
    const gateway = own.add(await startHoldfast());
    const [pid = 0] = gateway.workerPids();
    // One is on its way to the stopped worker and cannot be called back while that lives.
    const outcomes = await withOneStopped(gateway, pid, (answered) => answered >= 99, 30_000);
    expect(welcomed(outcomes)).toBe(100);
    await gateway.ready();
    const { text } = await gateway.adminGet("/metrics");
    expect(metric(text, "holdfast_worker_restarts_total")).toBe(1);
    // And the worker that came instead takes its part.
    const later = await storm(gateway, 20, { pieces: [WELCOMED] });
    expect(new Set([...outcomes, ...later].map(ownerOf)).size).toBeGreaterThanOrEqual(2);
  });

  test("with @socket.io/sticky the clients that were queued for it are lost with it", async () => {
    const server = own.add(await startSticky());
    const [pid = 0] = server.processes().filter((each) => each !== server.pid);
    const outcomes = await withOneStopped(server, pid, (answered) => answered >= 1, ANSWER_MS);
    expect(welcomed(outcomes)).toBeLessThan(100);
  });
});

describe("senders that are slow", () => {
  test.each([
    ["silent", []],
    ["halfway through the head", ["GET /ws HTTP/1.1\r\nHost: x\r\n"]],
  ])("%s: 408 at the deadline, not before", async (_what, pieces) => {
    const { status, body, durationMs } = await rawRequest(holdfast.http, ...pieces);
    expect(status).toBe(408);
    expect(JSON.parse(body)).toMatchObject({ error: { name: "slow_head" } });
    expect(durationMs).toBeGreaterThan(HEAD_TIMEOUT_MS - 50);
  });

  test("1,000 of them keep no other client waiting", async () => {
    const slow = Array.from({ length: 1_000 }, () => handshake(holdfast, { pieces: ["GET /ws"] }, 30_000));
    await eventually("they are all in the door", async () => {
      const { text } = await holdfast.adminGet("/metrics");
      return metric(text, "holdfast_sockets_pending") >= 1_000;
    });
    expect(welcomed(await storm(holdfast, 100, { pieces: [WELCOMED] }))).toBe(100);
    expect(new Set((await Promise.all(slow)).map(({ status }) => status))).toEqual(new Set([408]));
  });
});

test("afterwards the door is empty and no worker has ended", async () => {
  await eventually("nobody is in the door", async () => {
    const { text } = await holdfast.adminGet("/metrics");
    return metric(text, "holdfast_sockets_pending") === 0;
  });
  const { text } = await holdfast.adminGet("/metrics");
  expect(metric(text, "holdfast_worker_restarts_total")).toBe(0);
});
