/**
 * /healthz tells the truth within its deadline, also while workers have stopped.
 */
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { Resources } from "./resources.js";

jest.setTimeout(60_000);

const own = new Resources();
afterEach(() => own.close());

describe("health checks while workers have stopped", () => {
  test("are answered by a worker that has not, and by 503 when all have, until they go on", async () => {
    const gateway = own.add(await GatewayProcess.start({ args: ["--workers", "2"] }));
    const [first = 0, second = 0] = gateway.workerPids();
    own.add({ close: () => [first, second].forEach(goOn) });
    process.kill(first, "SIGSTOP");
    for (let i = 0; i < 6; i++) expect((await gateway.get("/healthz")).status).toBe(200);
    process.kill(second, "SIGSTOP");
    expect(await gateway.get("/healthz")).toMatchObject({
      status: 503,
      text: expect.stringContaining("no_worker"),
    });
    goOn(first);
    goOn(second);
    await eventually("healthy again", async () => (await gateway.get("/healthz")).status === 200);
  });
});

function goOn(pid: number): void {
  try {
    process.kill(pid, "SIGCONT");
  } catch {
    // It has ended.
  }
}
