import cluster, { type Worker } from "node:cluster";
import { EventEmitter } from "node:events";
import { createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it, jest } from "@jest/globals";
import { exchange, isAlive, PrimaryWorld, until, type WorldOptions } from "./testing/primary-world.js";

let worlds: PrimaryWorld[] = [];

function world(options?: WorldOptions): PrimaryWorld {
  const made = new PrimaryWorld(options);
  worlds.push(made);
  return made;
}

const pids = (): number[] =>
  Object.values(cluster.workers ?? {}).flatMap((worker) => worker?.process.pid ?? []);
const pidOf = (answer: string): number => Number(/pid:(\d+)/.exec(answer)?.[1]);

/**
 * Asks until the worker in slot 1 is the one that answers: the router gives sockets to whichever is less
 * busy.
 */
async function pidOfSlot1(ask: () => Promise<string>): Promise<number> {
  for (;;) {
    const answer = await ask();
    if (answer.includes("slot:1")) return pidOf(answer);
  }
}

function firstData(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once("data", (chunk) => resolve(String(chunk))));
}

afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(worlds.map((each) => each.close()));
  worlds = [];
  expect(pids()).toEqual([]);
});

describe("a primary", () => {
  it("hands sockets to its workers, evenly, with all that was sent", async () => {
    const it = world();
    await it.start();
    const head = "GET /stay?sid=x HTTP/1.1\r\nHost: x\r\n\r\n";
    const open = Array.from({ length: 20 }, (_, i) =>
      exchange(it.port, [head.slice(0, i), head.slice(i), "behind"]),
    );
    const answers = await Promise.all(open.map(({ socket }) => firstData(socket)));
    for (const { socket } of open) socket.destroy();
    const slots = answers.map((answer) => /slot:(\d)/.exec(answer)?.[1]);
    expect(slots.filter((slot) => slot === "0")).toHaveLength(10);
    expect((await it.admin("/readyz")).status).toBe(200);
  });

  it("leaves no process, port or worker behind when it stops, however often it is told", async () => {
    const it = world();
    const { ports } = await it.start();
    const before = pids();
    expect(before).toHaveLength(2);
    const stops = [it.primary.stop(), it.primary.stop(0)];
    await Promise.all(stops);
    expect(before.filter(isAlive)).toEqual([]);
    expect(await exchange(ports[0] ?? 0, []).answer).toBe("ECONNREFUSED");
    await expect(it.primary.start()).rejects.toThrow("starts once");
  });

  it("tells newcomers and those in the door that it is going away, until it is gone", async () => {
    const it = world({ drain: { delayMs: 0, windowMs: 0, ratePerSecond: undefined } });
    await it.start();
    const inTheDoor = exchange(it.port, ["GET / HT"]);
    await until(async () => /holdfast_sockets_pending 1/.test((await it.admin("/metrics")).text));
    const stopped = it.primary.stop();
    const answer = await inTheDoor.answer;
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toContain('"draining"');
    await stopped;
  });

  it("stops a worker that never says ready, and those that hang, when it is stopped", async () => {
    const it = world({ lives: ["silent"] });
    const started = it.primary.start();
    const refused = expect(started).rejects.toThrow("stopped before it had started");
    await until(() => pids().length === 2);
    const before = pids();
    await it.primary.stop();
    await refused;
    expect(before.filter(isAlive)).toEqual([]);
  });
});

describe("a worker that hangs at its end", () => {
  it("is killed and replaced", async () => {
    const it = world({ lives: ["hang", "ready"], only: 1 });
    await it.start();
    await until(() => it.lives(1) === 2);
    await until(async () => (await it.admin("/readyz")).status === 200);
    expect(pids()).toHaveLength(2);
  });

  it("does not keep the instance from its stop", async () => {
    const it = world({ lives: ["clings"] });
    await it.start();
    const before = pids();
    await it.primary.stop();
    expect(before.filter(isAlive)).toEqual([]);
  });

  it("does not outlive an instance that ends at once", async () => {
    const it = world({
      lives: ["clings"],
      drain: { delayMs: 60_000, windowMs: 60_000, ratePerSecond: undefined },
    });
    await it.start();
    const before = pids();
    const stopped = it.primary.stop();
    await it.primary.abort();
    expect(before.filter(isAlive)).toEqual([]);
    await Promise.all([it.primary.stop(0), stopped]);
  });
});

describe("a start that fails", () => {
  it("because a port is taken leaves the others free", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    const it = world({ ports: [0, port] });
    await expect(it.start()).rejects.toMatchObject({ code: "EADDRINUSE", port });
    const other = world({ admin: { host: "127.0.0.1", port, key: undefined, maxConnections: 9 } });
    await expect(other.start()).rejects.toMatchObject({ code: "EADDRINUSE", port });
    expect([...it.problems, ...other.problems]).toEqual([]);
    await new Promise((resolve) => taken.close(resolve));
  });

  it("because workers end at once is given up with one sentence", async () => {
    const it = world({ lives: ["exit"] });
    await expect(it.start()).rejects.toThrow("workers end as soon as they start (last: exit code 3)");
    expect(it.problems).toEqual([]);
    // The other slot may be on its way when the fifth ends.
    expect([5, 6]).toContain(it.lives(0) + it.lives(1));
  });

  it("because a worker refuses is given up at once, with its sentence, said once", async () => {
    const it = world({ lives: ["refuse"] });
    await expect(it.start()).rejects.toThrow("this worker will never run");
    expect(it.problems).toEqual([]);
  });

  it("because one slot cannot start is given up, too: no client depends on the others yet", async () => {
    const it = world({ lives: ["exit"], only: 1 });
    await expect(it.start()).rejects.toThrow("exit code 3");
  });

  it("because it is stopped while it opens its ports leaves nothing open", async () => {
    const it = world();
    const refused = expect(it.primary.start()).rejects.toThrow("stopped before it had started");
    await it.primary.stop();
    await refused;
    expect(pids()).toEqual([]);
  });
});

describe("a worker that ends", () => {
  it("is replaced; the others go on, and the new one is another owner", async () => {
    const it = world();
    await it.start();
    const victim = pidOf(await it.ask());
    process.kill(victim, "SIGKILL");
    await until(async () => (await it.admin("/readyz")).status === 503);
    expect(await it.ask()).toContain("200 OK");
    await until(async () => (await it.admin("/readyz")).status === 200);
    expect(pids()).toHaveLength(2);
    expect(pids()).not.toContain(victim);
    expect((await it.admin("/metrics")).text).toMatch(/holdfast_worker_restarts_total 1/);
  });

  it("while sockets are queued for it loses none of them: all are answered by its successor", async () => {
    const it = world({ workers: 1, lives: ["deaf", "ready"] });
    await it.start();
    const [victim = 0] = pids();
    const asked = Array.from({ length: 50 }, () => it.ask());
    await until(async () => /holdfast_hand_offs_total [1-9]/.test((await it.admin("/metrics")).text));
    process.kill(victim, "SIGKILL");
    const answers = await Promise.all(asked);
    expect(answers.filter((answer) => answer.includes("200 OK"))).toHaveLength(50);
    expect(answers.map(pidOf)).not.toContain(victim);
    // And the door is open as before.
    expect(await it.ask()).toContain("200 OK");
  });

  it("again and again in one slot does not end an instance that serves", async () => {
    const it = world({ lives: ["ready", "exit"], only: 1 });
    await it.start();
    process.kill(await pidOfSlot1(() => it.ask()), "SIGKILL");
    // One end, and five starts that fail.
    const restarts = () => it.logger.messages("info").filter((text) => text === "starting another worker");
    await until(() => restarts().length >= 6);
    expect(it.problems).toEqual([]);
    expect(await it.ask()).toContain("slot:0");
  });

  it("is replaced also where a first successor cannot start and says why", async () => {
    const it = world({ lives: ["ready", "refuse", "ready"], only: 1 });
    await it.start();
    process.kill(await pidOfSlot1(() => it.ask()), "SIGKILL");
    await until(async () => it.lives(1) === 3 && (await it.admin("/readyz")).status === 200);
    expect(it.problems).toEqual([]);
    expect(it.logger.messages("error")).toEqual(["a worker cannot start"]);
  });

  it("again and again is replaced soon while it was the only one", async () => {
    const it = world({ workers: 1 });
    await it.start();
    const delays = () =>
      it.logger.lines.flatMap(({ fields, message }) =>
        message === "starting another worker" ? [(fields as { inMs: number }).inMs] : [],
      );
    for (let kills = 1; kills <= 5; kills++) {
      const [victim = 0] = pids();
      process.kill(victim, "SIGKILL");
      await until(async () => (await it.admin("/readyz")).status === 200 && delays().length === kills);
    }
    expect(delays()).toEqual([100, 200, 400, 500, 500]);
  });

  it("with all the others, at once and for good, ends the instance with one sentence", async () => {
    const it = world({ lives: ["ready", "exit"] });
    await it.start();
    for (const pid of pids()) process.kill(pid, "SIGKILL");
    await until(() => it.problems.length > 0);
    expect(it.problems).toEqual(["workers end as soon as they start (last: exit code 3)"]);
  });

  it("cannot be replaced while the machine has no process to give, and is later", async () => {
    const it = world();
    await it.start();
    const real = cluster.fork.bind(cluster);
    // What Node does out of descriptors: a worker without pipes, and an error that comes later.
    const stillborn = (): Worker => {
      const worker = Object.assign(new EventEmitter(), { process: new EventEmitter() });
      process.nextTick(() => worker.emit("error", new Error("spawn EMFILE")));
      return worker as unknown as Worker;
    };
    const fork = jest
      .spyOn(cluster, "fork")
      .mockImplementationOnce(stillborn)
      .mockImplementationOnce(() => {
        throw new Error("spawn ENOMEM");
      })
      .mockImplementation(real);
    process.kill(pidOf(await it.ask()), "SIGKILL");
    await until(() => fork.mock.calls.length >= 3);
    await until(async () => (await it.admin("/readyz")).status === 200);
    expect(it.problems).toEqual([]);
    expect(it.logger.messages("error")).toHaveLength(2);
  });
});

describe("a worker that takes nothing", () => {
  it("costs no more than the one socket that may be on its way to it", async () => {
    const it = world({ lives: ["deaf", "ready"], only: 0 });
    await it.start();
    const both = pids();
    const asked = Array.from({ length: 40 }, () => it.ask());
    let answered = 0;
    for (const each of asked) void each.then(() => answered++);
    // On its way may also be the listening handle that it was to copy: then none is lost.
    await until(() => answered >= 39);
    const answers = await Promise.all(Array.from({ length: 10 }, () => it.ask()));
    expect(answers.every((answer) => answer.includes("slot:1"))).toBe(true);
    process.kill(both.find((pid) => pid !== pidOf(answers[0] ?? "")) ?? 0, "SIGKILL");
    expect((await Promise.all(asked)).every((answer) => answer.includes("200 OK"))).toBe(true);
  });
});

describe("caps", () => {
  it("connections beyond maxConnections get 503, those in the door count, and places become free", async () => {
    const it = world({ workers: 1, maxConnections: 3 });
    await it.start();
    const stays = [0, 1].map(() => exchange(it.port, ["GET /stay HTTP/1.1\r\n\r\n"]));
    await until(async () => /hand_offs_total 2/.test((await it.admin("/metrics")).text));
    const inTheDoor = exchange(it.port, ["GET"]);
    await until(async () => /sockets_pending 1/.test((await it.admin("/metrics")).text));
    const refused = await it.ask();
    expect(refused).toMatch(/^HTTP\/1\.1 503 /);
    expect(refused).toContain("limit_connections");
    inTheDoor.socket.destroy();
    await until(async () => (await it.ask()).includes("200 OK"));
    for (const { socket } of stays) socket.destroy();
  });
});

describe("a drain", () => {
  const slowly = { delayMs: 60_000, windowMs: 0, ratePerSecond: undefined };

  it("by the admin API ends the workers, not the instance, and says so", async () => {
    const it = world();
    await it.start();
    const before = pids();
    expect(JSON.parse((await it.admin("/api/drain")).text)).toMatchObject({
      state: "serving",
      deadline: null,
    });
    const begun = await it.admin("/api/drain", "POST");
    expect(begun.status).toBe(202);
    expect(JSON.parse(begun.text)).toMatchObject({ state: "draining" });
    await until(async () => JSON.parse((await it.admin("/api/drain")).text).state === "drained");
    expect(before.filter(isAlive)).toEqual([]);
    expect(await it.ask("/healthz")).toMatch(/^HTTP\/1\.1 503 /);
    const ready = await it.admin("/readyz");
    expect(ready).toMatchObject({ status: 503, text: "The instance drains (drained).\n" });
    expect((await it.admin("/metrics")).text).toMatch(/holdfast_drain_state\{state="drained"\} 1/);
    expect(it.problems).toEqual([]);
    expect((await it.admin("/api/drain", "POST")).status).toBe(202);
    await it.primary.stop();
  });

  it("serves on while it is only announced, also after a worker has ended, and a stop waits for it", async () => {
    const it = world({ drain: slowly });
    await it.start();
    expect(JSON.parse((await it.admin("/api/drain", "POST")).text)).toMatchObject({ state: "announced" });
    expect((await it.admin("/readyz")).status).toBe(503);
    expect(await it.ask()).toContain("200 OK");
    process.kill(pidOf(await it.ask()), "SIGKILL");
    await until(async () => /holdfast_worker_restarts_total 1/.test((await it.admin("/metrics")).text));
    await until(async () => /holdfast_workers 2/.test((await it.admin("/metrics")).text));
    const stopped = it.primary.stop();
    expect(await it.ask()).toContain("200 OK");
    // A reload is not begun any more.
    it.reload(["exit"]);
    expect(it.logger.messages("info")).not.toContain("reloading: workers are replaced one after the other");
    for (const pid of pids()) process.kill(pid, "SIGKILL");
    await expect(Promise.race([stopped, "waits"])).resolves.toBe("waits");
  });
});

describe("a reload", () => {
  const ended = (it: PrimaryWorld, result: string) =>
    until(async () =>
      (await it.admin("/metrics")).text.includes(`holdfast_reloads_total{result="${result}"} 1`),
    );

  it("replaces every worker, with no moment without all of them", async () => {
    const it = world();
    await it.start();
    const before = pids();
    it.reload(["ready"]);
    const ready: number[] = [];
    let over = false;
    const watching = (async () => {
      while (!over) {
        ready.push(Number(/holdfast_workers (\d)/.exec((await it.admin("/metrics")).text)?.[1]));
        expect(await it.ask()).toContain("200 OK");
      }
    })();
    await ended(it, "done");
    over = true;
    await watching;
    expect(Math.min(...ready)).toBe(2);
    expect(before.filter(isAlive)).toEqual([]);
    expect(pids()).toHaveLength(2);
    expect((await it.admin("/metrics")).text).toMatch(/holdfast_worker_restarts_total 0/);
  });

  it("tells the front door whose pages may read its refusals", async () => {
    const it = world({ workers: 1, origins: ["https://old.example"], maxConnections: 0 });
    await it.start();
    const mayRead = async (origin: string): Promise<boolean> => {
      const answer = await it.ask("", [`POST /poll HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}\r\n\r\n`]);
      expect(answer).toContain(" 503 ");
      return answer.includes(`Access-Control-Allow-Origin: ${origin}`);
    };
    expect([await mayRead("https://old.example"), await mayRead("https://new.example")]).toEqual([
      true,
      false,
    ]);
    it.reload(["ready"], { origins: ["https://new.example"] });
    expect([await mayRead("https://old.example"), await mayRead("https://new.example")]).toEqual([
      false,
      true,
    ]);
  });

  it.each(["exit", "refuse"] as const)(
    "is given up when the new worker does %s; the old ones go on",
    async (life) => {
      const it = world();
      await it.start();
      const before = pids();
      it.reload([life]);
      await ended(it, "failed");
      await until(() => pids().length === 2);
      expect(pids()).toEqual(before);
      expect((await it.admin("/readyz")).status).toBe(200);
      expect(it.problems).toEqual([]);
      // What replaces an old one is what is known to start.
      process.kill(before[0] ?? 0, "SIGKILL");
      await until(() => pids().length === 2 && !pids().includes(before[0] ?? 0));
      await until(async () => (await it.admin("/readyz")).status === 200);
    },
  );

  it("fills the slot of a worker that ends while its successor does not come", async () => {
    const it = world();
    await it.start();
    const before = pids();
    it.reload(["silent"]);
    await until(() => pids().length === 3);
    const [silent = 0] = pids().filter((pid) => !before.includes(pid));
    process.kill(before[0] ?? 0, "SIGKILL");
    await until(async () => (await it.admin("/readyz")).status === 503);
    process.kill(silent, "SIGKILL");
    await ended(it, "failed");
    await until(async () => (await it.admin("/readyz")).status === 200);
    expect(pids()).toHaveLength(2);
  });

  it("under way ends with a stop, and leaves nothing", async () => {
    const it = world();
    await it.start();
    it.reload(["silent"]);
    await until(() => pids().length === 3);
    const all = pids();
    await it.primary.stop();
    expect(all.filter(isAlive)).toEqual([]);
    expect(it.problems).toEqual([]);
  });
});
