/**
 * Presence without Redis: who is where is kept by the primary, and told to clients of every worker.
 */
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { eventually } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { PlainClient } from "./plain-client.js";
import { PresenceClient } from "./presence-client.js";
import { Resources } from "./resources.js";

jest.setTimeout(60_000);

const own = new Resources();
let gateway: GatewayProcess;

beforeEach(async () => {
  const namespaces = JSON.stringify({
    room: { presence: true, joinLeave: "session" },
    hall: { presence: true },
  });
  gateway = own.add(
    await GatewayProcess.start({
      args: ["--presence-lease", "3s", "--presence-grace", "2s", "--namespaces", namespaces],
    }),
  );
});
afterEach(() => own.close());

test("clients of all workers see each other, also when a worker is killed and those it had come back", async () => {
  let clients = Array.from({ length: 20 }, () => own.add(new PresenceClient([gateway.ws()], "room:1", 0)));
  const all = [...clients];
  const right = (): boolean => {
    const truth = clients.map(({ session }) => session).sort();
    return clients.every((client) => client.subscribed && client.seen.join() === truth.join());
  };
  await eventually("all see all", right);
  process.kill(gateway.workerPids()[0] ?? -1, "SIGKILL");
  for (const client of clients.slice(0, 5)) client.close();
  clients = clients.slice(5);
  await eventually("all see who is left", right);
  expect(all.flatMap(({ violations }) => violations)).toEqual([]);
  const members = async (): Promise<number | undefined> =>
    metric((await gateway.adminGet("/metrics")).text, "holdfast_presence_members");
  await eventually("as many members as clients", async () => (await members()) === clients.length);
});

test("counts and pages", async () => {
  const clients = await Promise.all(
    Array.from({ length: 3 }, () => PlainClient.connected(gateway.ws(), ["hall:1"])),
  );
  for (const client of clients) own.add({ close: () => client.terminate() });
  const [first] = clients;
  const ask = async (body: object) =>
    (await first?.command("presence", { channel: "hall:1", ...body }))?.presence;
  await eventually("three are there", async () => (await ask({ limit: 0 })).sessions === 3);
  expect(await ask({ limit: 0 })).toMatchObject({ users: 3, members: [], joinLeave: "user" });
  const page = await ask({ limit: 2 });
  const rest = await ask({ limit: 2, cursor: page.next });
  expect([...page.members, ...rest.members]).toHaveLength(3);
  expect(rest.next).toBeUndefined();
});
