/**
 * The SDK with tokens and presence over each transport: its user, the members it sees, tokens that end, and
 * tabs of one user.
 */
import {
  Client,
  type ClientOptions,
  type Member,
  type Presence,
  type Subscription,
  type TransportName,
} from "@holdfast/client";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { WebSocket } from "ws";
import { eventually, within } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { Resources } from "./resources.js";
import { SECRET, tokenOf } from "./tokens.js";

jest.setTimeout(60_000);

const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;
const namespaces = JSON.stringify({
  room: { public: true, presence: true, joinLeave: "user", clientPublish: true, historySize: 100 },
  seat: { public: true, presence: true, joinLeave: "session" },
});

beforeAll(async () => {
  const args = ["--jwt-secret", SECRET, "--refresh-window", "2s", "--jwt-leeway", "0s"];
  gateway = shared.add(
    await GatewayProcess.start({ args: [...args, "--presence-grace", "1s", "--namespaces", namespaces] }),
  );
});
afterEach(() => own.close());
afterAll(() => shared.close());

function client(getToken: () => string, transport: TransportName): Client {
  const options: ClientOptions = {
    WebSocket: WebSocket as unknown as NonNullable<ClientOptions["WebSocket"]>,
    transports: [transport],
    getToken,
    backoff: { minDelayMs: 20, maxDelayMs: 200 },
  };
  return own.add(new Client(gateway.http.concat("/ws"), options));
}

async function enter(
  user: string,
  channel: string,
  transport: TransportName,
): Promise<[Client, Subscription]> {
  const each = client(() => tokenOf(user), transport);
  const subscription = each.subscribe(channel, undefined, { presence: true });
  await within(each.connect(), `${user} connects`);
  await eventually(`${user} sees who is there`, () => subscription.presence?.complete);
  return [each, subscription];
}

const namesOf = (presence: Presence | undefined): readonly unknown[] =>
  (presence?.members ?? []).map(({ user, sessions }) => [user, sessions.length]).sort();

describe.each<TransportName>(["websocket", "sse", "poll"])("over %s", (transport) => {
  test("every client sees the members: users, and each of their sessions", async () => {
    const channel = `seat:${transport}`;
    const [ada, seen] = await enter("ada", channel, transport);
    expect(ada.user).toBe("ada");
    const [, second] = await enter("ada", channel, transport);
    const [bob] = await enter("bob", channel, transport);
    for (const each of [seen, second]) {
      await eventually("all three", () => each.presence?.sessions === 3);
      expect(namesOf(each.presence)).toEqual([
        ["ada", 2],
        ["bob", 1],
      ]);
    }
    bob.close();
    await eventually("bob leaves", () => seen.presence?.users === 1);
    expect(namesOf(seen.presence)).toEqual([["ada", 2]]);
  });

  test("a user in two tabs joins once and leaves once", async () => {
    const channel = `room:${transport}`;
    const [, seen] = await enter("ada", channel, transport);
    const told: string[] = [];
    const tell =
      (sign: string) =>
      ({ member }: { readonly member: Member }): void => {
        if (member.user === "bob") told.push(sign);
      };
    seen.on("join", tell("+"));
    seen.on("leave", tell("-"));
    const [first] = await enter("bob", channel, transport);
    const [second] = await enter("bob", channel, transport);
    await eventually("bob is there", () => told.length === 1);
    first.close();
    second.close();
    await eventually("bob leaves", () => told.length === 2);
    expect(told).toEqual(["+", "-"]);
    expect(namesOf(seen.presence)).toEqual([["ada", 1]]);
  });

  test("a token that ends is replaced, and no member notices", async () => {
    let asked = 0;
    const exp = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;
    const ada = client(() => tokenOf("ada", { exp: exp(++asked === 1 ? 3 : 3600) }), transport);
    const states: string[] = [];
    const received: unknown[] = [];
    ada.subscribe(`room:tokens-${transport}`, ({ data }) => received.push(data));
    await within(ada.connect(), "ada connects");
    ada.on("state", ({ name }) => states.push(name));
    await eventually("another token", () => asked === 2);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await ada.publish(`room:tokens-${transport}`, "still here");
    await eventually("it arrives", () => received.length === 1);
    expect(states).toEqual([]);
  });
});

test("a token that has expired is asked for anew, and a forged one is told and ends it", async () => {
  let asked = 0;
  const late = client(() => tokenOf("ada", ++asked === 1 ? { exp: 1 } : {}), "websocket");
  await within(late.connect(), "a second token");
  expect([late.user, asked]).toEqual(["ada", 2]);
  const forged = client(() => `${tokenOf("ada")}x`, "websocket");
  await expect(within(forged.connect(), "an answer")).rejects.toMatchObject({ code: 116 });
  expect(forged.state).toMatchObject({ name: "closed", code: 116 });
});

test("a channel that needs a token of its own is had with one", async () => {
  const ada = client(() => tokenOf("ada"), "websocket");
  await within(ada.connect(), "ada connects");
  const denied = ada.subscribe("private:1");
  await eventually("it is refused", () => denied.state === "unsubscribed");
  const channel = "private:2";
  const allowed = ada.subscribe(channel, undefined, { token: () => tokenOf("ada", { channel }) });
  await eventually("it is allowed", () => allowed.state === "subscribed");
});
