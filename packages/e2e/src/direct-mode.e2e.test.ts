/**
 * The direct mode: every worker listens on the same port, and a session still finds its owner.
 */
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import type { GatewayProcess } from "./gateway-process.js";
import { samples } from "./metrics-text.js";
import { modernNode, sharesPorts, startDirect } from "./modern-node.js";
import { PlainClient } from "./plain-client.js";
import { HOLDFAST, Program } from "./program.js";
import { Resources } from "./resources.js";
import { openSessions, sidOf, slotOf } from "./session-owners.js";

jest.setTimeout(180_000);

const own = new Resources();
afterEach(() => own.close());

async function refusal(args: readonly string[]): Promise<{ code: number | null; said: string }> {
  const program = own.add(Program.holdfast(["start", "--accept", "reuseport", ...args]));
  const { code } = await program.exit();
  return { code, said: program.stderr.join("\n") };
}

async function metric(gateway: GatewayProcess, name: string): Promise<number> {
  const { text } = await gateway.adminGet("/metrics");
  return samples(text, name).reduce((sum, { value }) => sum + value, 0);
}

describe("a start that cannot share the port", () => {
  if (sharesPorts) {
    test("is refused for port 0, which every worker would take another of", async () => {
      const { code, said } = await refusal(["--port", "0"]);
      expect(said).toContain("reuseport needs a port to share");
      expect(code).toBe(2);
    });
  } else {
    test("is refused by this Node.js or system with a sentence, and exit code 2", async () => {
      const { code, said } = await refusal([]);
      expect(said).toContain(
        `accept reuseport needs Linux and Node.js 22.12 or later, and this is ${process.platform} ` +
          `with Node.js ${process.versions.node}: upgrade, or leave accept at primary`,
      );
      expect(code).toBe(2);
    });
  }
});

// Elsewhere there is nothing beyond the refusal.
if (process.platform === "linux") {
  describe("workers that listen themselves", () => {
    test("share the clients, and a publication reaches all", async () => {
      const gateway = own.add(await startDirect(await freePorts(1)));
      const clients = await Promise.all(
        Array.from({ length: 100 }, async () =>
          own.add(await PlainClient.subscribed(gateway.ws("channels=news"))),
        ),
      );
      expect(new Set(clients.map(({ sid }) => slotOf(sid)))).toEqual(new Set([0, 1]));
      await gateway.publish("news", { hello: 1 });
      for (const client of clients) {
        expect(await client.next()).toEqual({ publication: { channel: "news", data: { hello: 1 } } });
      }
      expect((await gateway.get("/healthz")).status).toBe(200);
      expect((await gateway.get("/")).status).toBe(200);
      // No request named a session: no socket went through the primary.
      expect(await metric(gateway, "holdfast_hand_offs_total")).toBe(0);
      expect(await metric(gateway, "holdfast_sockets_accepted_total")).toBeGreaterThanOrEqual(102);
    });

    test("give a client with a session to its owner, wherever the kernel put it", async () => {
      const gateway = own.add(await startDirect(await freePorts(1)));
      const sessions = await openSessions(gateway, own, 2, 1);
      for (let i = 0; i < 50; i++) {
        const slot = i % 2;
        const sid = sidOf(sessions, slot, 0);
        const client = own.add(await PlainClient.subscribed(gateway.ws(`channels=news&sid=${sid}`)));
        expect(slotOf(client.sid)).toBe(slot);
      }
      const moved = await metric(gateway, "holdfast_hand_offs_total");
      expect(moved).toBeGreaterThan(5);
      expect(moved).toBeLessThan(45);
    });

    test("replace one that was killed; the clients of the other stay", async () => {
      const gateway = own.add(await startDirect(await freePorts(1)));
      const clients = await Promise.all(
        Array.from({ length: 40 }, async () =>
          own.add(await PlainClient.subscribed(gateway.ws("channels=news"))),
        ),
      );
      process.kill(gateway.workerPids()[0] ?? 0, "SIGKILL");
      const gone = await eventually("the killed worker's clients are gone", () => {
        const ended = clients.filter(({ ending }) => ending !== undefined);
        return ended.length > 0 && ended;
      });
      const [slot = -1] = gone.map(({ sid }) => slotOf(sid));
      await gateway.ready();
      // A session of its predecessor: any worker that gets it answers.
      const old = gone[0]?.sid;
      own.add(await PlainClient.subscribed(gateway.ws(`channels=news&sid=${old}`)));
      await openSessions(gateway, own, 2, 1);
      const left = clients.filter(({ ending }) => ending === undefined);
      expect(left.map(({ sid }) => slotOf(sid))).not.toContain(slot);
      await gateway.publish("news", 1);
      for (const client of left) expect(await client.next()).toMatchObject({ publication: { data: 1 } });
    });

    test("tell every client to leave when the instance is stopped, and refuse new ones", async () => {
      const gateway = own.add(await startDirect(await freePorts(1), ["--drain-window", "1s"]));
      const clients = await Promise.all(
        Array.from({ length: 20 }, async () =>
          own.add(await PlainClient.subscribed(gateway.ws("channels=news"))),
        ),
      );
      gateway.signal("SIGTERM");
      for (const client of clients) expect(await client.next()).toHaveProperty("drain");
      await expect(PlainClient.connect(gateway.ws("channels=news"))).rejects.toThrow(/refused|ECONNRE/i);
      expect((await gateway.program.exit()).code).toBe(0);
      for (const client of clients) expect((await client.closed).code).toBe(3000);
    });

    test("keep a second instance off their port", async () => {
      const port = await freePorts(1);
      own.add(await startDirect(port));
      const args = ["start", "--accept", "reuseport", "--port", `${port}`, "--admin-port", "0"];
      const second = own.add(Program.start(modernNode(), [HOLDFAST, ...args]));
      expect((await second.exit()).code).toBe(1);
      expect(second.stderr.join("\n")).toContain(`port ${port} on 127.0.0.1 is in use`);
    });
  });
}
