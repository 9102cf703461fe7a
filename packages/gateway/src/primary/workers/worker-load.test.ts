import { expect, it } from "@jest/globals";
import { WorkerLoad } from "./worker-load.js";

it("the load of a worker counts sockets on their way until a report has them", () => {
  const load = new WorkerLoad();
  const report = { connections: 4, loopDelayMs: 1, broker: "ready" } as const;
  for (let n = 0; n < 5; n++) load.sent();
  expect(load.sockets).toBe(5);
  load.reported({ ...report, sockets: 3, received: 3 });
  expect([load.sockets, load.clients]).toEqual([5, 4]);
  load.returned(2);
  expect(load.sockets).toBe(3);
  load.reported({ ...report, sockets: 1, received: 3 });
  expect(load.sockets).toBe(1);
  load.drains(2);
  expect(load.clients).toBe(2);
});
