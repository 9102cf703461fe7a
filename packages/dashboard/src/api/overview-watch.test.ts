import { expect, it } from "@jest/globals";
import { overview, worker } from "../testing/overviews.js";
import { AdminClient, AdminFailure } from "./admin-client.js";
import { OverviewWatch, type Watched } from "./overview-watch.js";

/** A watch on a page and a gateway that the test plays. */
function watched(answers: (() => unknown)[]) {
  const told: Watched[] = [];
  const timers: (() => void)[] = [];
  const waits: number[] = [];
  const page = { visible: true };
  let asked = 0;
  const get = async <Answer>(): Promise<Answer> => {
    const answer = answers[asked++];
    if (answer === undefined) throw new Error("asked too often");
    return answer() as Answer;
  };
  const later = (run: () => void, ms: number): void => {
    timers.push(run);
    waits.push(ms);
  };
  const watch = new OverviewWatch({ get }, { isVisible: () => page.visible, later }, (each) =>
    told.push(each),
  );
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { watch, told, timers, waits, page, asked: () => asked, settle };
}

const refuse = (status: number) => (): never => {
  throw new AdminFailure(status, `refused with ${status}`);
};

it("asks again after each answer, and makes rates of two", async () => {
  const late = overview({ at: 1_002_000 });
  const { watch, told, timers, settle } = watched([() => overview(), () => late]);
  watch.wake();
  watch.wake(); // one request at a time
  await settle();
  timers.pop()?.();
  await settle();
  expect(told.map(({ kind }) => kind)).toEqual(["live", "live"]);
  expect(told[1]).toMatchObject({ sample: { rates: { deliveries: 0 } } });
  expect(watch.hour.size).toBe(2);
});

it("asks each second, and more rarely where there are many workers", async () => {
  const many = overview({ at: 1_002_000, workers: Array.from({ length: 64 }, () => worker()) });
  const { watch, timers, waits, settle } = watched([() => overview(), () => many]);
  watch.wake();
  await settle();
  timers.pop()?.();
  await settle();
  expect(waits).toEqual([1000, 6400]);
});

it("asks nothing while the page is hidden, and goes on when it is shown", async () => {
  const { watch, timers, page, asked, settle } = watched([() => overview(), () => overview()]);
  watch.wake();
  await settle();
  page.visible = false;
  timers.pop()?.();
  await settle();
  expect([asked(), timers.length]).toEqual([1, 0]);
  page.visible = true;
  watch.wake();
  await settle();
  expect(asked()).toBe(2);
});

it("asks nothing between being signed out and signing in", async () => {
  const { watch, told, timers, asked, settle } = watched([refuse(401), () => overview()]);
  watch.wake();
  await settle();
  watch.wake();
  await settle();
  expect([told.at(-1)?.kind, asked(), timers.length]).toEqual(["signed-out", 1, 0]);
  watch.wake(true);
  await settle();
  expect(told.at(-1)?.kind).toBe("live");
});

it("keeps the last overview, and asks on, while the gateway does not answer", async () => {
  const { watch, told, timers, settle } = watched([() => overview(), refuse(0)]);
  watch.wake();
  await settle();
  timers.pop()?.();
  await settle();
  expect(told.at(-1)).toMatchObject({
    kind: "away",
    message: "refused with 0",
    sample: { before: undefined },
  });
  expect(timers).toHaveLength(1);
});

it("a request says that it is the dashboard's, and a refusal what the gateway said", async () => {
  const requests: RequestInit[] = [];
  const client = new AdminClient(async (_path, init) => {
    requests.push(init ?? {});
    return new Response('{"error":{"name":"refused","message":"Not with this key."}}', { status: 403 });
  });
  await expect(client.post("/api/drain", "{}")).rejects.toMatchObject({
    status: 403,
    message: "Not with this key.",
  });
  expect(requests[0]).toMatchObject({
    method: "POST",
    headers: { "X-Holdfast": "dashboard", "Content-Type": "application/json" },
  });
});
