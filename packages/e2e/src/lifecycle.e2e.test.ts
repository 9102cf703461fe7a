/**
 * How an instance begins and ends: graceful stops, impatient ones, and starts that cannot succeed.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { PlainClient } from "./plain-client.js";
import { HOLDFAST, Program } from "./program.js";
import { Resources } from "./resources.js";

jest.setTimeout(60_000);

const own = new Resources();
afterEach(() => own.close());

describe("SIGTERM", () => {
  test("tells every client when to return, spread over the window, and ends with 0", async () => {
    const windowMs = 2_000;
    const gateway = own.add(await GatewayProcess.start({ args: ["--drain-window", `${windowMs}ms`] }));
    const clients = await Promise.all(
      Array.from({ length: 40 }, async (_, n) =>
        own.add(
          n % 2 === 0
            ? await PlainClient.subscribed(gateway.ws("channels=news"))
            : await PlainClient.connected(gateway.ws(), ["news"]),
        ),
      ),
    );
    const raw = own.add(await PlainClient.connect(gateway.ws("channels=news&format=raw")));
    const health: number[] = [];
    const started = performance.now();
    const closedAt = clients.map((client) => client.closed.then(() => performance.now() - started));

    gateway.signal("SIGTERM");
    await eventually("the public port is closed to new ones", async () => {
      const outcome = await gateway.get("/healthz").then(
        ({ status }) => status,
        () => 0,
      );
      health.push(outcome);
      return outcome === 503 || outcome === 0;
    });
    expect((await gateway.adminGet("/readyz")).status).toBe(503);
    expect((await gateway.adminGet("/livez")).status).toBe(200);
    await expect(PlainClient.connect(gateway.ws("channels=news"))).rejects.toThrow(/refused|ECONNRE/i);
    expect(clients.some(({ ending }) => ending === undefined)).toBe(true);

    for (const client of clients) {
      const notice = await client.next();
      expect(notice).toEqual({
        drain: {
          reconnectAfter: expect.any(Number),
          deadline: expect.any(Number),
          reason: expect.any(String),
        },
      });
      expect(await client.next()).toEqual({
        disconnect: { code: 3000, reason: expect.any(String), reconnect: true },
      });
      expect(await client.closed).toEqual({ code: 3000, reason: "drain" });
      expect(client.all.filter((message) => message.includes('"drain":'))).toHaveLength(1);
    }
    expect(await raw.closed).toEqual({ code: 3000, reason: "drain" });
    expect(raw.all).toEqual([]);

    const times = (await Promise.all(closedAt)).sort((a, b) => a - b);
    const [soonest = 0] = times;
    const latest = times.at(-1) ?? 0;
    expect(latest - soonest).toBeGreaterThan(windowMs / 2);
    expect(latest).toBeLessThan(windowMs + 5_000);
    // No second in which all clients leave.
    const largestThird = Math.max(
      ...[0, 1, 2].map(
        (third) =>
          times.filter(
            (time) => Math.min(2, Math.floor((3 * (time - soonest)) / (latest - soonest))) === third,
          ).length,
      ),
    );
    expect(largestThird).toBeLessThan(times.length * 0.7);

    expect(await gateway.program.exit()).toEqual({ code: 0, signal: null });
    await gateway.program.gone();
    expect(gateway.program.stderr).toEqual([]);
  });

  test("publications still arrive at clients that have not been sent away yet", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: ["--drain-window", "1500ms"] }));
    const clients = await Promise.all(
      Array.from({ length: 10 }, async () =>
        own.add(await PlainClient.subscribed(gateway.ws("channels=news"))),
      ),
    );
    gateway.signal("SIGTERM");
    const first = await Promise.race(clients.map((client) => client.next().then(() => client)));
    const staying = clients.find((client) => client !== first && client.ending === undefined);
    await gateway.publish("news", "meanwhile");
    await eventually("somebody hears it", () =>
      clients.some(({ all }) => all.some((message) => message.includes("meanwhile"))),
    );
    expect(staying).toBeDefined();
    expect(await gateway.program.exit()).toEqual({ code: 0, signal: null });
  });

  test("without clients it ends at once, whatever the window", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: ["--drain-window", "10m"] }));
    expect(await gateway.stop("SIGTERM", 5_000)).toEqual({ code: 0, signal: null });
  });

  test("a client that does not answer the goodbye does not hold it up", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: ["--drain-window", "200ms"] }));
    const { RawSocket } = await import("./raw-socket.js");
    const socket = await RawSocket.open(gateway.ws("channels=news"));
    own.add({ close: () => socket.destroy() });
    socket.socket.pause();
    expect(await gateway.stop("SIGTERM", 15_000)).toEqual({ code: 0, signal: null });
  });
});

describe("SIGINT", () => {
  test("is as graceful as SIGTERM", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: ["--drain-window", "100ms"] }));
    const client = own.add(await PlainClient.subscribed(gateway.ws("channels=news")));
    expect(await gateway.stop("SIGINT")).toEqual({ code: 0, signal: null });
    expect(await client.closed).toEqual({ code: 3000, reason: "drain" });
  });

  test("a second signal ends everything at once", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: ["--drain-window", "10m"] }));
    const clients = await Promise.all(
      Array.from({ length: 4 }, async () =>
        own.add(await PlainClient.subscribed(gateway.ws("channels=news"))),
      ),
    );
    gateway.signal("SIGINT");
    await gateway.notReady();
    // What npm and a terminal send for one Ctrl-C.
    gateway.signal("SIGINT");
    expect((await gateway.adminGet("/livez")).status).toBe(200);
    gateway.signal("SIGTERM");
    const { code } = await gateway.program.exit(5_000);
    expect(code).toBe(143);
    await gateway.program.gone();
    for (const client of clients) await client.closed;
  });
});

describe("a primary that is killed", () => {
  test("takes its workers with it", async () => {
    const gateway = own.add(await GatewayProcess.start());
    const client = own.add(await PlainClient.subscribed(gateway.ws("channels=news")));
    gateway.signal("SIGKILL");
    await gateway.program.gone();
    expect([1006, 3000]).toContain((await client.closed).code);
  });

  test.each([
    ["loops", () => "for (;;);"],
    ["waits for good", () => "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);"],
    // It reads from it itself, so that the pipe never ends, and never empties.
    [
      "writes to a full pipe",
      (pipe: string) => `fs.writeSync(fs.openSync('${pipe}', 'r+'), 'x'.repeat(1e6));`,
    ],
  ])("takes a worker with it that %s", async (_, hang) => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-e2e-"));
    own.add({ close: () => rmSync(folder, { recursive: true }) });
    execFileSync("mkfifo", [join(folder, "pipe")]);
    const script = join(folder, "hang.cjs");
    const handler = `fs.writeFileSync('${folder}/' + process.pid, ''); ${hang(join(folder, "pipe"))}`;
    writeFileSync(
      script,
      `const fs = require('node:fs');
       if (require('node:cluster').isWorker) process.on('SIGUSR2', () => { ${handler} });\n`,
    );
    const gateway = own.add(
      await GatewayProcess.start({ env: { NODE_OPTIONS: `--require ${script}` }, args: ["--workers", "1"] }),
    );
    const [worker = 0] = gateway.workerPids();
    process.kill(worker, "SIGUSR2");
    await eventually("the worker hangs", () => existsSync(join(folder, String(worker))));
    gateway.signal("SIGKILL");
    await eventually("nothing of it runs", () => gateway.program.processes().length === 0, 20_000);
  });
});

describe("a terminal that closes", () => {
  test("ends the gateway that was started in it, which ends in good order", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-e2e-"));
    own.add({ close: () => rmSync(folder, { recursive: true }) });
    const code = join(folder, "code");
    const shell = join(folder, "shell.sh");
    // A shell passes its terminal's hang-up on; this one outlives it and writes how the gateway ended.
    writeFileSync(
      shell,
      `exec 3<&0
       ${process.execPath} ${HOLDFAST} "$@" <&3 3<&- & gateway=$!
       trap 'kill -HUP $gateway' HUP
       wait $gateway
       wait $gateway; echo $? >${code}.part; mv ${code}.part ${code}`,
    );
    const start: typeof Program.holdfast = (args, options) =>
      Program.start("script", ["-qec", `exec sh ${shell} ${args.join(" ")}`, "/dev/null"], options);
    const gateway = await GatewayProcess.start({ start });
    own.add({ close: () => gateway.program.close() });
    gateway.program.signal("SIGKILL");
    await eventually("the gateway has ended", () => existsSync(code));
    expect(readFileSync(code, "utf8")).toBe("0\n");
    await gateway.program.gone();
  });
});

describe("a working directory that is removed", () => {
  test("does not matter to workers that start then", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-e2e-"));
    const gateway = own.add(await GatewayProcess.start({ cwd: folder, args: ["--workers", "1"] }));
    rmSync(folder, { recursive: true });
    const [worker = 0] = gateway.workerPids();
    process.kill(worker, "SIGKILL");
    await eventually("another worker serves", async () => {
      const [next] = gateway.workerPids();
      return next !== undefined && next !== worker && (await gateway.adminGet("/readyz")).status === 200;
    });
    // A command to it, and its answer: whatever it could not load has been said by then.
    const client = own.add(await PlainClient.connected(gateway.ws(), ["news"]));
    await gateway.publish("news", 1);
    await client.next();
    expect(gateway.log.filter(({ msg, pid }) => pid !== worker && msg.startsWith("no guard"))).toEqual([]);
  });
});

describe("a start that cannot succeed", () => {
  /** One clear message on standard error, an exit code that says so, nothing left behind. */
  async function fails(
    program: Program,
    expected: RegExp,
    { code = 2, lines = 2 }: { code?: number; lines?: number } = {},
  ): Promise<void> {
    own.add(program);
    const ending = await program.exit();
    await program.gone();
    expect(program.output).toMatch(expected);
    expect(ending).toEqual({ code, signal: null });
    expect(program.lines.length).toBeLessThanOrEqual(lines);
    expect(program.output).not.toMatch(/^\s+at |node:internal|Error:/m);
    expect(program.stderr.length).toBeGreaterThan(0);
  }

  const start = (...args: string[]) =>
    Program.holdfast(["start", "--port", "0", "--admin-port", "0", "--workers", "2", ...args]);

  async function taken(): Promise<number> {
    const server: Server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    own.add({ close: () => new Promise((resolve) => server.close(resolve)) });
    return (server.address() as { port: number }).port;
  }

  test("a public port in use", async () => {
    const port = await taken();
    await fails(
      start("--port", String(port)),
      new RegExp(`^holdfast: port ${port} on 127.0.0.1 is in use: `, "m"),
      {
        code: 1,
        lines: 1,
      },
    );
  });

  test("an admin port in use", async () => {
    const port = await taken();
    await fails(
      start("--admin-port", String(port)),
      new RegExp(`^holdfast: port ${port} on .+ is in use: `, "m"),
      {
        code: 1,
        lines: 1,
      },
    );
  });

  test("a Redis URL that is none, without repeating its password", async () => {
    const program = start("--redis", "http://user:hush@127.0.0.1/");
    await fails(program, /redis must read redis:\/\/.+ \[--redis\]/);
    expect(program.output).not.toContain("hush");
  });

  test("an unknown flag, with the nearest one", async () => {
    await fails(start("--prot", "8080"), /unknown option '--prot'[\s\S]*--port/);
  });

  test("an address that others can reach, without --anonymous", async () => {
    await fails(start("--host", "0.0.0.0"), /0\.0\.0\.0 can be reached from other machines.+--anonymous/);
  });

  test("an admin address that others can reach, without a key", async () => {
    await fails(start("--admin-host", "0.0.0.0"), /adminHost .+ adminKey/);
  });

  test("several problems at once, all of them named", async () => {
    await fails(
      start("--workers", "0", "--max-payload", "lots", "--port", "99999", "--ping-interval", "1s"),
      /^holdfast: 4 problems in the configuration:\n {2}.*port.*\n(.*\n)*.*workers/m,
      { lines: 5 },
    );
  });

  test("more connections than descriptors", async () => {
    const command = `ulimit -n 1024 && exec "$0" "$@"`;
    const args = ["-c", command, process.execPath, HOLDFAST, "start", "--port", "0", "--admin-port", "0"];
    await fails(
      Program.start("/bin/sh", [...args, "--workers", "2", "--max-connections", "10000"]),
      /10000 over 2 workers needs 6506 open files per process, and only 1024 are allowed: raise it with `ulimit -n 6506`/,
    );
  });

  test("workers that end as soon as they start", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-e2e-"));
    own.add({ close: () => rmSync(folder, { recursive: true }) });
    const script = join(folder, "crash.cjs");
    writeFileSync(script, "if (require('node:cluster').isWorker) process.exit(7);\n");
    const args = ["start", "--port", "0", "--admin-port", "0", "--workers", "2", "--log-level", "silent"];
    await fails(
      Program.holdfast(args, { env: { NODE_OPTIONS: `--require ${script}` } }),
      /^holdfast: .*workers end as soon as they start \(last: exit code 7\)/m,
      { code: 1, lines: 1 },
    );
  });
});

describe("few descriptors", () => {
  test("are no error: the start says how many connections fit", async () => {
    const start: typeof Program.holdfast = (args, options) =>
      Program.start(
        "/bin/sh",
        ["-c", `ulimit -n 1024 && exec "$0" "$@"`, process.execPath, HOLDFAST, ...args],
        options,
      );
    const gateway = own.add(await GatewayProcess.start({ start }));
    await gateway.logged(({ msg }) => /holds at most 1228 connections: .+ulimit -n/.test(msg));
  });
});
