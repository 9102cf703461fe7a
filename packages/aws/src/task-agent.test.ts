import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import type { GatewayDrain } from "./local-gateway.js";
import { EXPIRY_MINUTES, TaskAgent } from "./task-agent.js";
import { EcsTaskProtection, type TaskProtection } from "./task-protection.js";
import { RecordingLog } from "./testing/recording-log.js";

/** A task whose gateway says what a test sets. */
class Task implements TaskProtection {
  drain: GatewayDrain | Error = { name: "serving" };
  refusal: Error | undefined;
  readonly orders: string[] = [];
  readonly log = new RecordingLog();
  now = 0;
  readonly agent = new TaskAgent({
    gateway: {
      look: async () => {
        if (this.drain instanceof Error) throw this.drain;
        return this.drain;
      },
    },
    protection: this,
    log: this.log,
    now: () => this.now,
    wallNow: () => this.now,
  });

  async protect(minutes: number): Promise<void> {
    if (this.refusal !== undefined) throw this.refusal;
    this.orders.push(`protect ${minutes}`);
  }

  async release(): Promise<void> {
    if (this.refusal !== undefined) throw this.refusal;
    this.orders.push("release");
  }

  /** Turns of 2 s. */
  async turns(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      await this.agent.turn();
      this.now += 2000;
    }
  }
}

const DRAINING: GatewayDrain = { name: "draining", left: 7, deadline: 90_000 };

describe("the agent of an ECS task", () => {
  it("protects the task while its gateway drains, for two minutes, and renews that", async () => {
    const task = new Task();
    await task.turns(5);
    expect(task.orders).toEqual([]);
    task.drain = DRAINING;
    await task.turns(31);
    expect(task.orders).toEqual(["protect 2", "protect 2", "protect 2"]);
    expect(EXPIRY_MINUTES * 60_000).toBeGreaterThan(2 * 30_000);
    task.drain = { name: "drained" };
    await task.turns(5);
    expect(task.orders.slice(3)).toEqual(["release"]);
    expect(task.log.lines).toEqual([
      "the gateway drains: the task is protected",
      "the task is protected no more",
    ]);
  });

  it("lets a task go whose gateway has ended, or whose drain hangs", async () => {
    for (const end of ["absent", "overdue"] as const) {
      const task = new Task();
      task.drain = DRAINING;
      await task.turns(1);
      if (end === "absent") task.drain = { name: "absent" };
      else task.now = 120_001;
      await task.turns(3);
      expect(task.orders).toEqual(["protect 2", "release"]);
    }
  });

  it("tries again what was refused, says so once, and keeps a protection while the gateway is silent", async () => {
    const task = new Task();
    task.drain = DRAINING;
    task.refusal = new Error("throttled");
    await task.turns(3);
    expect(task.agent.isProtected).toBe(false);
    task.refusal = undefined;
    await task.turns(1);
    expect(task.orders).toEqual(["protect 2"]);
    task.drain = new Error("no answer");
    await task.turns(2);
    expect(task.agent.isProtected).toBe(true);
    expect(task.log.lines).toEqual([
      "warning: task protection: Error: throttled; tried again",
      "the gateway drains: the task is protected",
      "task protection: works again",
      "warning: task protection: Error: no answer; tried again",
    ]);
  });
});

describe("the endpoint of task protection", () => {
  let server: Server | undefined;
  afterEach(async () => {
    server?.closeAllConnections();
    server?.close();
    if (server !== undefined) await once(server, "close");
    server = undefined;
  });

  async function endpoint(
    answer: (body: string) => [number, unknown],
  ): Promise<[EcsTaskProtection, string[]]> {
    const asked: string[] = [];
    server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      asked.push(`${request.method} ${request.url} ${body}`);
      const [status, said] = answer(body);
      response.writeHead(status).end(JSON.stringify(said));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return [new EcsTaskProtection(`http://127.0.0.1:${port}/api/task-1`), asked];
  }

  it("is asked as the guide says, within its range", async () => {
    const [protection, asked] = await endpoint((body) => [
      200,
      { protection: { ProtectionEnabled: JSON.parse(body).ProtectionEnabled, TaskArn: "arn" } },
    ]);
    await protection.protect(2);
    await protection.protect(0);
    await protection.protect(9999);
    await protection.release();
    const path = "PUT /api/task-1/task-protection/v1/state";
    expect(asked).toEqual([
      `${path} {"ProtectionEnabled":true,"ExpiresInMinutes":2}`,
      `${path} {"ProtectionEnabled":true,"ExpiresInMinutes":1}`,
      `${path} {"ProtectionEnabled":true,"ExpiresInMinutes":2880}`,
      `${path} {"ProtectionEnabled":false}`,
    ]);
  });

  it.each([
    [200, { failure: { Arn: "arn", Reason: "TASK_NOT_VALID" } }],
    [400, { error: { Code: "AccessDeniedException", Message: "not authorized" } }],
    [200, { protection: { ProtectionEnabled: false } }],
    [200, "nonsense"],
  ])("is not believed when it answers %i with %j", async (status, said) => {
    const [protection] = await endpoint(() => [status, said]);
    await expect(protection.protect(2)).rejects.toThrow(`ECS answered ${status} to a task protection`);
  });
});
