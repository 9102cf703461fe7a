/**
 * Clients that are refused and come back at once, whatever they were told: what slows them down, and what the
 * operator sees of them.
 *
 * One worker, so that its limits are those of the gateway. No assertion is on the speed of the machine: the
 * gateway bounds how many refusals it says in a given time, and a slow machine only says fewer.
 */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually, within } from "./deadline.js";
import { freePorts } from "./free-ports.js";
import { GatewayProcess, type LogLine } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { HandshakeRefused, PlainClient, type PlainOptions } from "./plain-client.js";
import { Resources } from "./resources.js";
import { SECRET, tokenOf } from "./tokens.js";

jest.setTimeout(90_000);

const PAGE = "https://shop.example";
const shared = new Resources();
const own = new Resources();

afterEach(() => own.close());
afterAll(() => shared.close());

const start = (...args: string[]): Promise<GatewayProcess> =>
  GatewayProcess.start({ args: ["--workers", "1", "--origins", PAGE, ...args] });

const refusal = async (url: string, options?: PlainOptions): Promise<HandshakeRefused> => {
  const outcome = await PlainClient.connect(url, options).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(HandshakeRefused);
  return outcome as HandshakeRefused;
};

const delayedBy = async (gateway: GatewayProcess): Promise<number> =>
  metric((await gateway.adminGet("/metrics")).text, "holdfast_refusals_delayed_total");

describe("a client that comes back at once after each refusal", () => {
  // ADR 34.
  const PER_SECOND = 10;
  const BURST = 20;
  const DELAY_S = 2;
  const CLIENTS = 40;
  const ATTEMPTS = 4;
  const ADA = { Authorization: `Bearer ${tokenOf("ada")}` };
  let gateway: GatewayProcess;

  beforeAll(async () => {
    gateway = shared.add(await start("--jwt-secret", SECRET, "--namespaces", '{"open":{"public":true}}'));
  });

  /** How one attempt ended. */
  type Attempt = () => Promise<unknown>;

  const refused = async (query: string, options: PlainOptions): Promise<unknown> => {
    const { status, body } = await refusal(gateway.ws(query), options);
    return [status, JSON.parse(body).error.name];
  };

  const kinds: [what: string, attempt: Attempt, outcome: unknown][] = [
    [
      "of a token that nobody signed",
      () => refused("channels=open:calm", { headers: { Authorization: "Bearer forged" } }),
      [401, "bad_token"],
    ],
    [
      "of an origin that is not listed",
      () => refused("channels=open:calm", { origin: "https://copy.example" }),
      [403, "forbidden"],
    ],
    [
      "by a close, since it speaks another protocol",
      async () => {
        const client = await PlainClient.connect(gateway.ws());
        client.send("40");
        const { code, reason } = await within(client.closed, "the close of a refusal", 30_000);
        return [code, reason, client.all.join("\n").includes('"disconnect"')];
      },
      [3500, "bad_frame", true],
    ],
  ];

  test.each(kinds)("is slowed down: a refusal %s", async (_what, attempt, outcome) => {
    const delayedBefore = await delayedBy(gateway);
    const began = performance.now();
    let isOver = false;
    const hammering = Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        for (let i = 0; i < ATTEMPTS; i++) expect(await attempt()).toEqual(outcome);
      }),
    ).finally(() => {
      isOver = true;
    });
    const others = async (): Promise<void> => {
      for (let i = 0; !isOver; i++) {
        const client = await PlainClient.subscribed(gateway.ws("channels=open:calm"), { headers: ADA });
        await gateway.publish("open:calm", `for other ${i}`);
        await client.until(`for other ${i}`);
        await client.close();
      }
    };
    await Promise.all([hammering, others()]);
    const seconds = (performance.now() - began) / 1000;
    const total = CLIENTS * ATTEMPTS;
    const atOnce = BURST + PER_SECOND * seconds;
    expect(total).toBeLessThanOrEqual(atOnce + CLIENTS * Math.floor(seconds / DELAY_S));
    const delayed = (await delayedBy(gateway)) - delayedBefore;
    expect(delayed).toBeGreaterThanOrEqual(total - atOnce);
  });
});

describe("a client that comes back at once where it may come back", () => {
  /** More than the burst of the other refusals. */
  const ATTEMPTS = 60;
  const isTold = async (gateway: GatewayProcess): Promise<void> => {
    const attempts = Array.from({ length: ATTEMPTS }, () => refusal(gateway.ws("channels=calm")));
    for (const { status, headers } of await Promise.all(attempts)) {
      expect(status).toBe(503);
      expect(headers["retry-after"]).toMatch(/^([1-9]|10)$/);
    }
    expect(await delayedBy(gateway)).toBe(0);
  };

  test("hears at once when to come back to a full gateway, and is let in when there is room", async () => {
    const gateway = own.add(await start("--max-connections", "2"));
    const [leaving] = await Promise.all(
      [1, 2].map(async () => own.add(await PlainClient.subscribed(gateway.ws("channels=calm")))),
    );
    await isTold(gateway);
    await leaving?.close();
    const again = (): Promise<PlainClient> => PlainClient.subscribed(gateway.ws("channels=calm"));
    own.add(await eventually("the client is let in", again));
  });

  test("hears so from a worker whose application gives no answer", async () => {
    const port = await freePorts(1);
    const url = `http://127.0.0.1:${port}/connect`;
    await isTold(own.add(await start("--webhook-connect-url", url, "--webhook-secret", SECRET)));
  });
});

describe("an origin that is refused", () => {
  const isOrigin = ({ msg }: LogLine): boolean => msg === "refused a page by its origin";
  /** All lines about origins, once the log has come as far as a request that is sent now. */
  const originLines = async (gateway: GatewayProcess): Promise<readonly LogLine[]> => {
    await refusal(`${gateway.http.replace("http", "ws")}/app/tea`);
    await gateway.logged(({ msg, path }) => msg === "refused a request" && path === "/app/tea");
    return gateway.log.filter(isOrigin);
  };

  test("has one line for 20 upgrades, with the flag that lets it in", async () => {
    const gateway = own.add(await start());
    const origin = "https://app.example:8443";
    for (let i = 0; i < 20; i++) {
      expect((await refusal(gateway.ws("channels=calm"), { origin })).status).toBe(403);
    }
    const lines = await originLines(gateway);
    expect(lines).toEqual([expect.objectContaining({ origin, add: `--origins ${PAGE},${origin}` })]);
    const flag = String(lines[0]?.add).split(" ");
    const mended = own.add(await start(...flag));
    for (const page of [origin, PAGE]) {
      own.add(await PlainClient.subscribed(mended.ws("channels=calm"), { origin: page }));
    }
    expect(await originLines(mended)).toEqual([]);
  });

  test("has no line once ten others had theirs in the same minute", async () => {
    const gateway = own.add(await start());
    const origins = Array.from({ length: 13 }, (_, i) => `https://copy-${i}.example`);
    for (const origin of origins) {
      expect((await refusal(gateway.ws("channels=calm"), { origin })).status).toBe(403);
    }
    const named = (await originLines(gateway)).map(({ origin }) => origin);
    expect(named).toEqual(origins.slice(0, 10));
  });
});
