/**
 * Webhooks: a gateway with two workers that asks a real application over HTTP, also one that misbehaves.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Application, type Question, SECRET, yes } from "./application.js";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { HandshakeRefused, PlainClient } from "./plain-client.js";

jest.setTimeout(90_000);

/** Cookies are the application's own: `user=alice`. */
const cookie = (user: string) => ({ headers: { cookie: `theme=dark; user=${user}` } });

function decide(question: Question): object {
  const user = /user=(\w+)/.exec(question.headers?.cookie ?? question.token ?? "")?.[1];
  switch (question.type) {
    case "connect":
      if (user === "mallory") return { allow: false, reason: "Your account is closed." };
      return user === undefined ? { allow: true } : { allow: true, sub: user, subs: [`user:${user}`] };
    case "subscribe":
      return { allow: question.user === "alice", reason: "Only Alice may." };
    default:
      return { allow: question.data?.ok === true };
  }
}

describe("webhooks", () => {
  let application: Application;
  let gateway: GatewayProcess;
  beforeAll(async () => {
    application = await Application.start();
    const { url } = application;
    gateway = await GatewayProcess.start({
      args: [
        ...["--webhook-connect-url", `${url}/connect`, "--webhook-subscribe-url", `${url}/subscribe`],
        ...["--webhook-publish-url", `${url}/publish`, "--webhook-secret", SECRET],
        ...["--webhook-timeout", "500ms", "--webhook-concurrency", "4", "--webhook-queue", "20"],
      ],
    });
  });
  afterAll(async () => {
    await gateway.close();
    await application.stop();
  });
  beforeEach(() => {
    application.behaviour = (question, response) => response.end(JSON.stringify(decide(question)));
    application.questions.length = 0;
    application.mostOpen = 0;
  });
  afterEach(() => {
    expect(application.forged).toBe(0);
  });

  async function connected(user: string): Promise<PlainClient> {
    const client = await PlainClient.connect(gateway.ws(), cookie(user));
    expect((await client.command("connect", {})).connect.user).toBe(user);
    return client;
  }

  test("say who connects by cookie, or by the application's own token", async () => {
    const client = await PlainClient.connect(gateway.ws(), cookie("alice"));
    const { connect } = await client.command("connect", { client: "test/1" });
    expect(connect).toMatchObject({ user: "alice", subs: { "user:alice": {} } });
    expect(connect.expiresAt).toBeGreaterThan(Date.now());
    expect(application.questions).toEqual([
      {
        type: "connect",
        session: connect.sid.slice(4),
        client: "test/1",
        headers: { cookie: "theme=dark; user=alice" },
      },
    ]);
    await client.close();
    const other = await PlainClient.connect(gateway.ws());
    expect((await other.command("connect", { token: "user=bob" })).connect.user).toBe("bob");
    await other.close();
  });

  test("turn away clients that the application does not want, with its reason", async () => {
    const client = await PlainClient.connect(gateway.ws(), cookie("mallory"));
    expect((await client.command("connect", {})).error).toEqual({
      code: 125,
      name: "denied",
      message: "Your account is closed.",
      temporary: false,
    });
    await client.close();
    const refused = PlainClient.connect(gateway.ws("channels=news"), cookie("mallory"));
    await expect(refused).rejects.toThrow(HandshakeRefused);
    await expect(refused).rejects.toMatchObject({ status: 403, body: expect.stringContaining("closed") });
  });

  test("decide for plain clients, whose URL connects them", async () => {
    const alice = await PlainClient.subscribed(gateway.ws("channels=room:1"), cookie("alice"));
    expect(JSON.parse(alice.all[0] ?? "").connect).toMatchObject({ user: "alice", subs: { "room:1": {} } });
    await alice.close();
    const bob = await PlainClient.connect(gateway.ws("channels=room:1"), cookie("bob"));
    expect(await bob.next()).toMatchObject({
      disconnect: { code: 3503, reason: "Only Alice may.", reconnect: false },
    });
    expect(await bob.closed).toMatchObject({ code: 3503 });
  });

  test("decide about subscribing and publishing, and nothing else changes", async () => {
    const [alice, bob] = [await connected("alice"), await connected("bob")];
    expect((await alice.command("subscribe", { channel: "room:1" })).subscribe).toEqual({});
    expect((await bob.command("subscribe", { channel: "room:1" })).error.message).toBe("Only Alice may.");
    expect((await bob.command("subscribe", { channel: "user:alice" })).error.name).toBe("forbidden");
    expect((await bob.command("publish", { channel: "room:1", data: { ok: false } })).error.name).toBe(
      "denied",
    );
    expect((await bob.command("publish", { channel: "room:1", data: { ok: true, n: 1 } })).publish).toEqual(
      {},
    );
    expect(await alice.next()).toEqual({ publication: { channel: "room:1", data: { ok: true, n: 1 } } });
    await alice.close();
    await bob.close();
  });

  test("decide for streams and polls likewise, each asked about once", async () => {
    const stream = await fetch(`${gateway.http}/sse?channels=room:1`, cookie("alice"));
    expect(stream.status).toBe(200);
    const reader = stream.body?.getReader();
    let heard = "";
    while (!heard.includes('"user":"alice"'))
      heard += new TextDecoder().decode((await reader?.read())?.value);
    await reader?.cancel();
    expect(application.questions.map(({ type }) => type)).toEqual(["connect", "subscribe"]);
    expect((await fetch(`${gateway.http}/sse?channels=room:1`, cookie("mallory"))).status).toBe(403);
    const poll = async (user: string, body: object) => {
      const init = { method: "POST", body: JSON.stringify(body), ...cookie(user) };
      const response = await fetch(`${gateway.http}/poll`, init);
      return { status: response.status, text: await response.text() };
    };
    expect((await poll("alice", { channels: ["room:1"] })).text).toContain('"user":"alice"');
    expect(await poll("mallory", { channels: ["room:1"] })).toMatchObject({ status: 403 });
    application.questions.length = 0;
    expect((await poll("alice", { commands: [{ id: 1, connect: {} }] })).text).toContain('"user":"alice"');
    expect(application.questions).toMatchObject([
      { type: "connect", headers: { cookie: "theme=dark; user=alice" } },
    ]);
    expect((await poll("mallory", { commands: [{ id: 1, connect: {} }] })).text).toContain(
      "Your account is closed.",
    );
    const large = { headers: { cookie: "x".repeat(10_000) } };
    expect((await fetch(`${gateway.http}/sse?channels=room:1`, large)).status).toBe(431);
  });

  test("are not asked about who comes back with a resume token", async () => {
    const first = await PlainClient.connect(gateway.ws(), cookie("alice"));
    const { sid, resumeToken: token } = (await first.command("connect", {})).connect;
    first.terminate();
    const second = await PlainClient.connect(gateway.ws(`sid=${sid}`));
    expect((await second.command("connect", { resume: { sid, token } })).connect).toMatchObject({
      user: "alice",
      resumed: true,
    });
    expect(application.questions).toHaveLength(1);
    await second.close();
  });

  test.each<[string, Application["behaviour"]]>([
    ["is slow", (_, response) => void setTimeout(() => response.end('{"allow":true}'), 2000)],
    ["hangs", () => {}],
    ["answers 500", (_, response) => response.writeHead(500).end('{"allow":true}')],
    ["redirects", (_, response) => response.writeHead(307, { Location: "/yes" }).end()],
    ["answers nonsense", (_, response) => response.end("<h1>It works!</h1>")],
    ["answers yes to something else", (_, response) => response.end('{"allowed":true}')],
    [
      "answers more than anybody wants",
      (_, response) => response.end(`{"allow":true,"x":"${"x".repeat(5e6)}"}`),
    ],
    ["hangs up", (_, response) => void response.destroy()],
  ])("let no client in while the application %s, and everybody afterwards", async (_, behaviour) => {
    const bob = await connected("alice");
    const { behaviour: usual } = application;
    application.behaviour = behaviour;
    const client = await PlainClient.connect(gateway.ws(), cookie("alice"));
    const started = performance.now();
    expect((await client.command("connect", {})).error).toMatchObject({
      code: 126,
      name: "try_later",
      temporary: true,
    });
    expect(performance.now() - started).toBeLessThan(1500);
    expect((await bob.command("subscribe", { channel: "room:2" })).error.name).toBe("try_later");
    expect((await bob.command("publish", { channel: "room:2", data: { ok: true } })).error.name).toBe(
      "try_later",
    );
    await expect(PlainClient.connect(gateway.ws("channels=news"), cookie("alice"))).rejects.toMatchObject({
      status: 503,
    });
    application.behaviour = usual;
    expect((await client.command("connect", {})).connect.user).toBe("alice");
    await client.close();
    await bob.close();
  });

  test("let no client in while the application is down, and survive its restart", async () => {
    const alice = await connected("alice");
    await application.stop();
    expect((await alice.command("subscribe", { channel: "room:3" })).error.name).toBe("try_later");
    await application.listen();
    expect((await alice.command("subscribe", { channel: "room:3" })).subscribe).toEqual({});
    // Connections that wait idle are cut off: a question that meets one is asked again.
    application.dropConnections();
    expect((await alice.command("subscribe", { channel: "room:4" })).subscribe).toEqual({});
    await alice.close();
  });

  test("ask so much at once and let so much wait in a storm; the rest hears at once to come later", async () => {
    application.behaviour = (question, response) =>
      void setTimeout(() => response.end(JSON.stringify(decide(question))), 50);
    const clients = await Promise.all(
      Array.from({ length: 200 }, () => PlainClient.connect(gateway.ws(), cookie("alice"))),
    );
    const answers = await Promise.all(clients.map((client) => client.command("connect", {})));
    const letIn = answers.filter(({ connect }) => connect !== undefined).length;
    expect(letIn).toBeGreaterThan(20);
    expect(letIn).toBeLessThan(200);
    for (const { error } of answers) if (error !== undefined) expect(error.name).toBe("try_later");
    // Two workers with four each.
    expect(application.mostOpen).toBeLessThanOrEqual(8);
    // No client is lost: one that comes later gets in.
    await Promise.all(
      clients.map((client, i) =>
        answers[i]?.connect !== undefined
          ? undefined
          : eventually(
              "it gets in",
              async () => (await client.command("connect", {})).connect?.user === "alice",
            ),
      ),
    );
    const { text } = await gateway.adminGet("/metrics");
    expect(metric(text, "holdfast_webhooks_unanswered_total")).toBeGreaterThan(0);
    expect(metric(text, "holdfast_webhook_seconds_count")).toBeGreaterThan(100);
    await Promise.all(clients.map((client) => client.close()));
  });

  test("forget clients that leave while they are asked about", async () => {
    application.behaviour = () => {};
    for (let i = 0; i < 20; i++) {
      const client = await PlainClient.connect(gateway.ws(), cookie("alice"));
      client.send({ id: 1, connect: {} });
      client.terminate();
      const plain = PlainClient.connect(gateway.ws("channels=news"), {
        ...cookie("alice"),
        handshakeTimeout: 50,
      });
      await plain.catch(() => {});
    }
    application.behaviour = yes;
    await eventually(
      "no connection is left",
      async () => {
        const { text } = await gateway.adminGet("/metrics");
        return metric(text, "holdfast_connections") === 0;
      },
      30_000,
    );
    expect(gateway.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });
});

describe("the verification that docs/operations.md shows", () => {
  const operations = readFileSync(new URL("../../../docs/operations.md", import.meta.url), "utf8");
  const directory = mkdtempSync(join(tmpdir(), "holdfast-hooks-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const body = '{"type":"subscribe","channel":"room:1"}';
  const timestamp = String(Math.floor(Date.now() / 1000));

  async function signature(): Promise<string> {
    const { createHmac } = await import("node:crypto");
    return `v1=${createHmac("sha256", SECRET).update(`${timestamp}.${body}`).digest("hex")}`;
  }

  // Python is on most machines, and not needed for anything else.
  const hasPython = spawnSync("python3", ["--version"]).status === 0;

  test.each(
    [
      ["js", "node", "mjs", "console.log(isFromHoldfast(...process.argv.slice(2)))"],
      ["python", "python3", "py", "import sys\nprint(str(is_from_holdfast(*sys.argv[1:])).lower())"],
    ].filter(([language]) => language === "js" || hasPython),
  )("holds in %s", async (language, program, suffix, call) => {
    const blocks = [...operations.matchAll(/^```(\w+)\n([\s\S]*?)\n```$/gm)];
    const code = blocks.find(
      (block) => block[1] === language && block[2]?.includes("Holdfast-Signature"),
    )?.[2];
    expect(code).toBeDefined();
    const file = join(directory, `verify.${suffix}`);
    writeFileSync(file, `${code}\n${call}\n`);
    const verify = (...args: string[]) => execFileSync(program, [file, ...args], { encoding: "utf8" }).trim();
    const right = await signature();
    expect(verify(SECRET, timestamp, right, body)).toBe("true");
    expect(verify(SECRET, timestamp, right, `${body} `)).toBe("false");
    expect(verify(`${SECRET}x`, timestamp, right, body)).toBe("false");
    expect(verify(SECRET, String(Number(timestamp) - 1000), right, body)).toBe("false");
    expect(verify(SECRET, timestamp, "v1=00", body)).toBe("false");
  });
});
