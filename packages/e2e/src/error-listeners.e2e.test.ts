/**
 * No error event of a socket or a library ends a process: all emitters of a busy gateway have a listener for
 * theirs.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { RedisServer } from "@holdfast/redis/testing";
import { afterEach, expect, jest, test } from "@jest/globals";
import { Application, SECRET } from "./application.js";
import { eventually } from "./deadline.js";
import { ErrorListeners, type Walk } from "./error-listeners.js";
import { GatewayProcess } from "./gateway-process.js";
import { KeepAliveSocket } from "./keep-alive-socket.js";
import { PlainClient } from "./plain-client.js";
import { PollClient } from "./poll-client.js";
import { Resources } from "./resources.js";
import { openSessions, sidOf } from "./session-owners.js";
import { SseWatcher } from "./sse-watcher.js";

jest.setTimeout(90_000);

const own = new Resources();
afterEach(() => own.close());

/** The walks through the primary and the workers. Fails for an emitter without a listener. */
async function walk(gateway: GatewayProcess, listeners: ErrorListeners): Promise<readonly [Walk, ...Walk[]]> {
  const primary = await listeners.walk(gateway.banner.pid);
  const workers = await Promise.all(gateway.workerPids().map((pid) => listeners.walk(pid)));
  for (const { unheard } of [primary, ...workers]) expect(unheard).toEqual([]);
  return [primary, ...workers];
}

test("of an instance with Redis, webhooks, every transport, relayed requests and an admin connection", async () => {
  const listeners = own.add(new ErrorListeners());
  const redis = own.add(await RedisServer.start());
  const application = await Application.start();
  own.add({ close: () => application.stop() });
  const gateway = own.add(
    await GatewayProcess.start({
      env: listeners.env,
      args: [
        ...["--redis", redis.url, "--webhook-connect-url", application.url, "--webhook-secret", SECRET],
        ...["--namespaces", '{"kept":{"public":true},"news":{"public":true}}'],
      ],
    }),
  );
  const sessions = await openSessions(gateway, own, 2, 2, "kept:1");
  own.add(await new SseWatcher(gateway.port, "news:1").start());
  own.add(new PollClient(() => gateway.http, { channels: ["news:1"] }));
  // One request to each owner over one connection: one of the two is relayed, and the connection to its owner
  // kept.
  const kept = own.add(await KeepAliveSocket.open(gateway.port));
  for (const slot of [0, 1]) {
    const path = `/nothing?sid=${sidOf(sessions, slot, 0)}`;
    kept.write(`GET ${path} HTTP/1.1\r\nHost: gateway\r\n\r\n`);
    await kept.answer();
  }
  const admin = own.add(await KeepAliveSocket.open(Number(new URL(gateway.admin).port)));
  // Half a request: the connection stays with it.
  admin.write("GET /livez HTTP/1.1\r\n");
  // A question that is under way.
  application.behaviour = () => {};
  void PlainClient.connect(gateway.ws("channels=news:1")).catch(() => {});
  await eventually("a webhook is asked", () => application.open > 0);

  const [primary, ...workers] = await walk(gateway, listeners);
  // The guard is a child, too.
  expect(primary.counts).toMatchObject({ ChildProcess: 3, ClusterWorker: 2 });
  expect(primary.counts.Socket).toBeGreaterThanOrEqual(4);
  expect(workers).toHaveLength(2);
  expect(workers.some(({ counts }) => (counts.ClientRequest ?? 0) > 0)).toBe(true);

  // Everything that these connections led to ends at once, and is tried again.
  application.dropConnections();
  await redis.kill();
  await gateway.notReady();
  await walk(gateway, listeners);
  expect(gateway.log.filter(({ msg }) => msg === "worker ended")).toEqual([]);
});

test("of workers that fetch the keys of tokens, from a publisher that hangs up in the middle", async () => {
  const listeners = own.add(new ErrorListeners());
  let fetched = 0;
  const publisher = createServer((_, response) => {
    fetched++;
    response.write('{"keys":[');
  });
  await new Promise<void>((resolve) => publisher.listen(0, "127.0.0.1", resolve));
  own.add({
    close: () => {
      publisher.closeAllConnections();
      publisher.close();
    },
  });
  const { port } = publisher.address() as AddressInfo;
  const gateway = own.add(
    await GatewayProcess.start({
      env: listeners.env,
      args: ["--jwks-url", `http://127.0.0.1:${port}/keys`, "--token-in-url"],
    }),
  );
  const token = [{ alg: "ES256", kid: "a" }, { sub: "ann" }, {}]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const refused = PlainClient.connect(gateway.ws(`token=${token}`)).then(
    () => "taken",
    () => "refused",
  );
  await eventually("the keys are fetched", () => fetched > 0);
  await walk(gateway, listeners);
  publisher.closeAllConnections();
  expect(await refused).toBe("refused");
  await gateway.logged(({ msg }) => msg.startsWith("could not fetch the keys of tokens"));
  await walk(gateway, listeners);
  expect(gateway.log.filter(({ msg }) => msg === "worker ended")).toEqual([]);
});
