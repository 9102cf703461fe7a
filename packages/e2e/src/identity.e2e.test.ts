/**
 * Identity over two instances on one Redis: which clients get in, by which way, to what, until when.
 *
 * Tokens come from `holdfast token create`, as an operator would make them.
 */
import { RedisServer } from "@holdfast/redis/testing";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { GatewayProcess } from "./gateway-process.js";
import { type HandshakeRefused, PlainClient } from "./plain-client.js";
import { Program } from "./program.js";
import { RedisPublisher } from "./redis-publisher.js";
import { Resources } from "./resources.js";

jest.setTimeout(60_000);

const SECRET = "a secret of thirty-two characters";
const env = {
  HOLDFAST_JWT_SECRET: SECRET.replaceAll(" ", "-"),
  HOLDFAST_NAMESPACES: '{"open":{"public":true},"past":{"historySize":10}}',
  HOLDFAST_JWT_LEEWAY: "0s",
  HOLDFAST_REFRESH_WINDOW: "5s",
};
const shared = new Resources();
const own = new Resources();
let backend: RedisPublisher;
let first: GatewayProcess;
let second: GatewayProcess;
let ada: string;
let bob: string;

beforeAll(async () => {
  const redis = shared.add(await RedisServer.start());
  const args = ["--redis", redis.url, "--token-in-url"];
  [first, second] = (await Promise.all(
    [0, 1].map(() => GatewayProcess.start({ args, env }).then((each) => shared.add(each))),
  )) as [GatewayProcess, GatewayProcess];
  backend = shared.add(await RedisPublisher.connect(redis.port));
  [ada, bob] = await Promise.all([
    token("ada", "--allow", "room:*=subscribe,publish,history", "--subs", "news"),
    token("bob"),
  ]);
});
afterEach(() => own.close());
afterAll(() => shared.close());

async function token(...args: readonly string[]): Promise<string> {
  const program = own.add(Program.holdfast(["token", "create", ...args], { env }));
  expect(await program.exit()).toEqual({ code: 0, signal: null });
  return program.output.trim();
}

/** Connects with the command, and gives the reply. */
async function connect(
  gateway: GatewayProcess,
  body: object,
): Promise<{ client: PlainClient; reply: Record<string, never> }> {
  const client = own.add(await PlainClient.connect(gateway.ws()));
  const frame = await client.command("connect", body);
  return { client, reply: frame.connect ?? frame };
}

const refused = (query: string, headers: Record<string, string> = {}): Promise<unknown> =>
  PlainClient.connect(first.ws(query), { headers }).then(
    () => "let in",
    (problem: HandshakeRefused) => [problem.status, JSON.parse(problem.body).error.name],
  );

describe("a private gateway", () => {
  test("lets no client in without a token, by any way", async () => {
    expect(await refused("channels=open:1")).toEqual([401, "unauthorized"]);
    expect(await refused("channels=open:1&token=forged")).toEqual([401, "bad_token"]);
    expect(await refused("", { Authorization: "Bearer forged" })).toEqual([401, "bad_token"]);
    expect((await connect(first, {})).reply.error).toMatchObject({ name: "unauthorized" });
    expect((await connect(first, { token: `${ada}x` })).reply.error).toMatchObject({ name: "bad_token" });
  });

  test("takes a token in connect, in the head and, if told so, in the URL", async () => {
    const { reply } = await connect(first, {
      token: ada,
      subs: { "room:1": null, "vip:1": null, "user:bob": null },
    });
    expect(reply).toMatchObject({
      user: "ada",
      expiresAt: expect.any(Number),
      subs: {
        news: {},
        "room:1": {},
        "vip:1": { error: { name: "forbidden" } },
        "user:bob": { error: { name: "forbidden" } },
      },
    });
    const headers = { Authorization: `Bearer ${ada}` };
    const byHead = own.add(await PlainClient.connect(first.ws("channels=room:1"), { headers }));
    expect(await byHead.next()).toMatchObject({ connect: { user: "ada", subs: { "room:1": {}, news: {} } } });
    const byUrl = own.add(await PlainClient.connect(first.ws(`channels=room:1&token=${ada}`)));
    expect(await byUrl.next()).toMatchObject({ connect: { user: "ada" } });
    const byCommand = own.add(await PlainClient.connect(first.ws(), { headers }));
    expect(await byCommand.command("connect", {})).toMatchObject({ connect: { user: "ada" } });
    expect(await refused("channels=vip:1", headers)).toEqual([403, "forbidden"]);
  });

  test("delivers a message to a user on every instance, and to no other", async () => {
    const clients = await Promise.all([first, second].map((gateway) => connect(gateway, { token: ada })));
    const other = await connect(second, { token: bob });
    await backend.publish("holdfast:user:ada", '{"for":"ada"}');
    for (const { client } of clients)
      expect(await client.next()).toEqual({ message: { data: { for: "ada" } } });
    await backend.publish("holdfast:user:bob", '"bob"');
    expect(await other.client.next()).toEqual({ message: { data: "bob" } });
  });

  test("keeps an identity through a resume on another instance, and gives it to no other client", async () => {
    const { client, reply } = await connect(first, { token: ada, subs: { "room:1": null } });
    client.close();
    const resume = { sid: reply.sid, token: reply.resumeToken };
    const resumed = await connect(second, { resume, subs: { "room:1": null, "vip:1": null } });
    expect(resumed.reply).toMatchObject({
      resumed: true,
      user: "ada",
      subs: { "room:1": {}, "vip:1": { error: { name: "forbidden" } } },
    });
    expect((await connect(second, { token: bob, resume })).reply).toMatchObject({
      resumed: false,
      user: "bob",
    });
    const theirs = { ...resume, token: (await connect(first, { token: bob })).reply.resumeToken };
    expect((await connect(second, { resume: theirs })).reply.error).toMatchObject({ name: "unauthorized" });
  });

  test("announces a token's end, takes another of the same user, and ends who brings none", async () => {
    // Another token of the user, that allows less. A program takes its time to start: first this one.
    const less = await token("ada");
    const short = await token("ada", "--expires", "10s", "--allow", "room:*=subscribe");
    const { client } = await connect(first, { token: short, subs: { "room:1": null } });
    const { client: silent } = await connect(first, { token: short });
    expect(await client.next()).toEqual({ refresh: { deadline: expect.any(Number) } });
    expect(await client.command("refresh", { token: bob })).toMatchObject({ error: { name: "wrong_user" } });
    const refreshed = await client.command("refresh", { token: less });
    expect(refreshed).toMatchObject({
      refresh: { expiresAt: expect.any(Number), resumeToken: expect.any(String) },
    });
    expect(client.all.join("\n")).toContain('{"unsubscribed":{"channel":"room:1","code":3503}}');
    expect(await silent.closed).toEqual({ code: 3005, reason: "expired" });
    expect(client.ending).toBeUndefined();
  });

  test("takes a subscription token for its channel and its user", async () => {
    const vip = await token("ada", "--channel", "vip:1");
    const { client } = await connect(first, { token: ada });
    const subscribe = (channel: string): Promise<unknown> =>
      client.command("subscribe", { channel, token: vip });
    expect(await subscribe("vip:2")).toMatchObject({ error: { name: "forbidden" } });
    expect(await subscribe("vip:1")).toMatchObject({ subscribe: {} });
    await backend.publish("holdfast:channel:vip:1", "1");
    expect(await client.next()).toEqual({ publication: { channel: "vip:1", data: 1 } });
    const other = await connect(first, { token: bob, subs: { "vip:1": { token: vip } } });
    expect(other.reply.subs).toMatchObject({ "vip:1": { error: { name: "wrong_user" } } });
    expect((await connect(first, { token: vip })).reply.error).toMatchObject({ name: "bad_token" });
  });
});

describe("holdfast token check", () => {
  test("says what the gateway would", async () => {
    const check = async (text: string): Promise<[number | null, string]> => {
      const program = own.add(Program.holdfast(["token", "check", text], { env }));
      const { code } = await program.exit();
      return [code, program.output];
    };
    expect(await check(ada)).toEqual([
      0,
      expect.stringMatching(
        /^A token of the user "ada"\.\n.*\n.*\nIt allows subscribe, publish, history on room:\*\.\nThe server subscribes news at connect\.$/,
      ),
    ]);
    expect(await check(`${ada}x`)).toEqual([1, expect.stringContaining("refused with bad_token (116)")]);
  });
});
