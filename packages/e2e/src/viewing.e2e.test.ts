/**
 * The commands that look into a running gateway, with a client that is denied a channel and one that stops
 * reading: what they print is true, and their exit codes say it.
 */
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { PlainClient } from "./plain-client.js";
import { HOLDFAST, Program } from "./program.js";
import { RawSocket } from "./raw-socket.js";
import { Resources } from "./resources.js";

jest.setTimeout(60_000);

const env = { HOLDFAST_JWT_SECRET: "a-secret-of-thirty-two-characters" };
/** Large, because the kernels of both sides take megabytes before anything waits in the gateway. */
const PAD = "x".repeat(64 * 1024);
const MAX_PUBLICATIONS = 1000;

const shared = new Resources();
let gateway: GatewayProcess;
let denied: PlainClient;
/** The session id of the client that stops reading. */
let slow: string;

beforeAll(async () => {
  const namespaces = JSON.stringify({ log: { slowConsumer: "drop" } });
  const args = ["--token-in-url", "--max-outbox-bytes", "256KiB", "--namespaces", namespaces];
  gateway = shared.add(await GatewayProcess.start({ args, env }));
  const [ada, bob] = await Promise.all([
    token("ada", "--allow", "news=subscribe"),
    token("bob", "--allow", "log:*=subscribe"),
  ]);
  denied = shared.add(await PlainClient.subscribed(gateway.ws(`channels=news&token=${ada}`)));
  expect(await denied.command("subscribe", { channel: "log:1" })).toMatchObject({
    error: { message: expect.any(String) },
  });
  const raw = await RawSocket.open(gateway.ws(`channels=log:1&token=${bob}`));
  shared.add({ close: () => raw.destroy() });
  slow = JSON.parse(await eventually("its welcome", () => raw.messages[0])).connect.sid;
  raw.socket.pause();
  await fallBehind();
});
afterAll(() => shared.close());

async function token(...args: readonly string[]): Promise<string> {
  const program = shared.add(Program.holdfast(["token", "create", ...args], { env }));
  expect(await program.exit()).toEqual({ code: 0, signal: null });
  return program.output.trim();
}

async function fallBehind(): Promise<void> {
  for (let n = 0; n < MAX_PUBLICATIONS; n++) {
    await gateway.publish("log:1", { n, pad: PAD });
    const { text } = await gateway.adminGet("/api/slow");
    if (JSON.parse(text).connections.some(({ behind }: { behind: string[] }) => behind.length > 0)) return;
  }
  throw new Error("the client did not fall behind");
}

/** Runs a command against the gateway to its end. */
async function run(
  ...args: readonly string[]
): Promise<{ code: number | null; output: string; stderr: string }> {
  const program = shared.add(Program.holdfast([...args, "--url", gateway.admin]));
  const { code } = await program.exit(30_000);
  const stdout = program.lines.filter((line) => !program.stderr.includes(line));
  return { code, output: stdout.join("\n"), stderr: program.stderr.join("\n") };
}

describe("a running gateway with a denied and a slow client", () => {
  test("status says that it is ready, and how many are connected", async () => {
    const { code, output } = await run("status");
    expect(code).toBe(0);
    expect(output).toMatch(/^ready$/m);
    expect(output).toMatch(/^connections +2 of /m);
    expect(output).toMatch(/^WORKER +STATE +CONNECTIONS/m);
  });

  test("top --once --json has rates, what waits, and the slow client", async () => {
    const publishing = setInterval(() => void gateway.publish("news", 1).catch(() => {}), 20);
    const { code, output } = await run("top", "--once", "--json").finally(() => clearInterval(publishing));
    expect(code).toBe(0);
    const top = JSON.parse(output);
    expect(
      top.workers.reduce((sum: number, each: { connections: number }) => sum + each.connections, 0),
    ).toBe(2);
    expect(top.rates.deliveries).toBeGreaterThan(0);
    expect(top.rates.workers).toHaveLength(2);
    expect(top.survey.slowest[0]).toMatchObject({ id: slow, user: "bob", behind: ["log:1"] });
    expect(top.survey.busiest).toContainEqual(expect.objectContaining({ channel: "news", subscribers: 1 }));
    const bytes = top.survey.workers.map(({ outboxBytes }: { outboxBytes: number }) => outboxBytes);
    expect(bytes.reduce((sum: number, each: number) => sum + each, 0)).toBe(top.survey.outboxBytes);
    expect(top.survey.outboxBytes).toBeGreaterThan(0);
  });

  test("connections and connection show who is there and what waits", async () => {
    const page = await run("connections");
    expect(page.output).toMatch(/ ada +1 +news( |$)/m);
    expect(page.output).toContain(slow);
    const { code, output } = await run("connection", slow);
    expect(code).toBe(0);
    expect(output).toMatch(/^user +bob$/m);
    expect(output).toMatch(/^outbox .* frames, /m);
    expect(output).toMatch(/^log:1 +- +[1-9]\d* +drop/m);
    expect(output).toMatch(/behind/);
    const none = await run("connection", "--user", "carol");
    expect([none.code, none.stderr]).toEqual([
      3,
      'holdfast: no connection of user "carol" is on this instance',
    ]);
  });

  test("why tells the denied client from the slow one and from one that is well", async () => {
    const [ofDenied, ofSlow, well] = await Promise.all([
      run("why", "log:1", "--user", "ada"),
      run("why", "log:1", "--session", slow),
      run("why", "news", "--user", "ada"),
    ]);
    expect(ofDenied.code).toBe(3);
    expect(ofDenied.output).toMatch(/^fault {2}not_subscribed: /);
    expect(ofDenied.output).toMatch(/^note {3}was_refused: .* on log:1/m);
    expect(ofSlow.code).toBe(3);
    expect(ofSlow.output).toMatch(/^fault {2}skipped: .* too slowly for log:1/);
    expect(well.code).toBe(0);
    expect(well.output).toMatch(/^ok {5}delivering: /m);
  });

  test("incidents list the refusal and the client that fell behind", async () => {
    const { code, output } = await run("incidents");
    expect(code).toBe(0);
    expect(output).toMatch(/ refused +\S+ +log:1 +ada /);
    expect(output).toMatch(/ behind +\S+ +log:1 +bob /);
  });

  test.each(["q", "SIGINT", "SIGTERM"] as const)(
    "top in a terminal gives the screen back after %s",
    async (end) => {
      const command = `exec ${process.execPath} ${HOLDFAST} top --url ${gateway.admin}`;
      const program = shared.add(
        Program.start("script", ["-qfec", command, "/dev/null"], { env: { TERM: "xterm" } }),
      );
      await program.line("Slowest connections", 20_000);
      expect(program.output).toContain("\x1b[?1049h");
      if (end === "q") program.write("q");
      else for (const pid of program.processes()) if (pid !== program.pid) process.kill(pid, end);
      expect(await program.exit(15_000)).toEqual({ code: 0, signal: null });
      expect(program.output).toMatch(/\[\?25h.*\[\?1049l/s);
    },
  );
});
