/**
 * Networks that are cut and tell no program of it: to a client that reads an event stream, and between two
 * instances.
 */

import { RedisServer } from "@holdfast/redis/testing";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { EventStream } from "./event-stream.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { PollClient } from "./poll-client.js";
import { Resources } from "./resources.js";
import { TcpRelay } from "./tcp-relay.js";
import { testInNamespace } from "./test-with.js";

jest.setTimeout(120_000);

const NAMESPACES = JSON.stringify({
  room: { presence: true },
  log: { historySize: 20_000, historyTtl: "10m" },
});

const own = new Resources();
afterEach(() => own.close());

/** Prints what an event stream says, and never ends it. */
const READER = `
  require("node:http").get(process.argv[1], (answer) => answer.pipe(process.stdout));
`;

describe("a client that vanishes", () => {
  testInNamespace(
    own,
    "has its event stream ended within streamSilence, and is present no more; one that is there comes back",
    async (network) => {
      const gateway = own.add(
        await GatewayProcess.start({
          args: [
            ...["--workers", "1", "--host", network.host, "--anonymous", "--namespaces", NAMESPACES],
            ...["--stream-silence", "12s", "--ping-interval", "3s", "--pong-timeout", "1s"],
            ...["--presence-grace", "1s"],
          ],
        }),
      );
      const url = `http://${network.host}:${gateway.port}/sse?channels=`;
      const reader = own.add(network.node(READER, `${url}room:1`));
      await reader.line("connect");
      const here = own.add(new EventStream(`${url}log:1`));
      const connections = async (): Promise<number> =>
        metric((await gateway.adminGet("/metrics")).text, "holdfast_connections");
      const present = async (): Promise<number> =>
        JSON.parse((await gateway.adminGet("/api/presence?channel=room:1")).text).sessions;
      await eventually("both are connected", async () => (await connections()) === 2);
      await eventually("it is present", async () => (await present()) === 1);
      network.cut();
      let said = 0;
      await eventually(
        "its stream has ended",
        async () => {
          await gateway.publish("log:1", said++);
          return (await connections()) < 2 && (await present()) === 0;
        },
        40_000,
      );
      await eventually("the other one has come back", () => here.opened > 1, 40_000);
      await gateway.publish("log:1", said++);
      const heard = (): number[] =>
        here.messages.flatMap((text) => {
          const { publication } = JSON.parse(text) as { publication?: { data: number } };
          return publication === undefined ? [] : [publication.data];
        });
      await eventually("it has heard the last", () => heard().includes(said - 1));
      expect(heard()).toEqual(Array.from({ length: said }, (_, n) => n));
    },
  );
});

describe("a network between two instances that is cut", () => {
  test("does not keep a forwarded poll from its publications, and its client hears of no error", async () => {
    const redis = own.add(await RedisServer.start());
    const port = await freePorts(1);
    const relay = own.add(await TcpRelay.start([port]));
    const args = ["--redis", redis.url, "--namespaces", NAMESPACES, "--workers", "1"];
    const [here, there] = [
      own.add(await GatewayProcess.start({ args })),
      own.add(
        await GatewayProcess.start({
          args: [...args, "--port", String(port), "--advertise", `127.0.0.1:${relay.port}`],
        }),
      ),
    ];
    // The session is the second instance's, and the client goes on at the first.
    let at = there.http;
    const client = own.add(new PollClient(() => at, { channels: ["log:2"] }));
    await eventually("it has a session", () => client.last?.cursor !== undefined);
    at = here.http;
    await eventually("its polls are forwarded", async () => {
      await here.publish("log:2", "before");
      return relay.size > 0 && client.data("log:2").includes("before");
    });
    const before = client.last?.sid;
    relay.stall();
    for (const data of ["one", "two"]) {
      await here.publish("log:2", data);
      await eventually(`"${data}" has come`, () => client.data("log:2").includes(data));
    }
    expect(client.last?.sid.slice(0, 4)).not.toBe(before?.slice(0, 4));
    expect([client.lost, client.refusals]).toEqual([0, []]);
  });
});
