/**
 * `holdfast doctor` with a real Redis and a real gateway behind proxies: each test breaks one thing, and the
 * check for it says so.
 */
import { RedisCluster, RedisServer } from "@holdfast/redis/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Redis } from "ioredis";
import { GatewayProcess } from "./gateway-process.js";
import { MeddlingProxy } from "./meddling-proxy.js";
import { Program } from "./program.js";
import { type Rewriting, RewritingProxy } from "./rewriting-proxy.js";

jest.setTimeout(120_000);

interface Result {
  readonly code: string;
  readonly outcome: string;
  readonly found: string;
}

interface Visit {
  readonly exitCode: number | null;
  readonly of: (code: string) => Result | undefined;
  readonly stderr: string;
}

async function visit(...args: string[]): Promise<Visit> {
  const program = Program.holdfast(["doctor", "--json", ...args]);
  const { code } = await program.exit(60_000);
  const stderr = program.stderr.join("\n");
  const output = program.lines.slice(program.lines.indexOf("{"), program.lines.lastIndexOf("}") + 1);
  const report = JSON.parse(output.join("\n")) as { groups: readonly { results: readonly Result[] }[] };
  const results = report.groups.flatMap((group) => group.results);
  return { exitCode: code, of: (wanted) => results.find((each) => each.code === wanted), stderr };
}

const OWN_REDIS = ["--maxmemory", "256mb", "--maxmemory-policy", "noeviction", "--appendonly", "yes"];

describe("Redis", () => {
  let server: RedisServer;
  let admin: Redis;
  beforeEach(async () => {
    server = await RedisServer.start({ args: OWN_REDIS });
    admin = new Redis(server.port, "127.0.0.1");
  });
  afterEach(async () => {
    admin.disconnect();
    await server.close();
  });
  const asked = (): Promise<Visit> => visit("--redis", server.url, "--admin-port", "0");

  test("that is well has no failure, and every check is made", async () => {
    const { of, stderr } = await asked();
    const codes = [
      "001",
      "002",
      "003",
      "004",
      "005",
      "006",
      "007",
      "008",
      "010",
      "011",
      "012",
      "013",
      "014",
      "015",
      "016",
    ];
    for (const code of [...codes, "020", "021", "022"])
      expect([code, of(`HF-R${code}`)?.outcome]).toEqual([
        code,
        code === "020" ? expect.stringMatching(/ok|warning/) : "ok",
      ]);
    expect(stderr).toContain("asking Redis …");
  });

  test("whose settings are broken is told each of them", async () => {
    await admin.config("SET", "maxmemory-policy", "allkeys-lru");
    await admin.config("SET", "client-output-buffer-limit", "pubsub 1048576 524288 10");
    await admin.config("SET", "timeout", "30");
    await admin.config("SET", "appendonly", "no");
    await admin.config("SET", "save", "");
    await admin.config("SET", "maxclients", "20");
    const { exitCode, of } = await visit("--redis", server.url, "--admin-port", "0", "--workers", "8");
    expect(exitCode).toBe(3);
    expect(of("HF-R010")).toMatchObject({ outcome: "failed", found: "allkeys-lru" });
    expect(of("HF-R013")).toMatchObject({ outcome: "warning", found: expect.stringContaining("1.0 MiB") });
    expect(of("HF-R014")).toMatchObject({ outcome: "warning", found: "nothing: a restart forgets all" });
    expect(of("HF-R015")).toMatchObject({
      outcome: "failed",
      found: expect.stringContaining("of 20; an instance has up to 27"),
    });
    expect(of("HF-R016")).toMatchObject({ outcome: "warning" });
    await admin.config("SET", "maxmemory", "0");
    expect((await asked()).of("HF-R011")).toMatchObject({ outcome: "warning", found: "no limit" });
  });

  test("that is full, or is a replica, says so", async () => {
    await admin.set("much", "x".repeat(4 * 1024 * 1024));
    await admin.config("SET", "maxmemory", "5mb");
    expect((await asked()).of("HF-R012")).toMatchObject({ outcome: "warning" });
    await admin.config("SET", "maxmemory", "256mb");
    await admin.replicaof("127.0.0.1", 1);
    expect((await asked()).of("HF-R004")).toMatchObject({ outcome: "failed", found: "slave" });
  });

  test("whose user may not do all is told what is refused", async () => {
    await admin.call(
      "ACL",
      "SETUSER",
      "weak",
      "on",
      ">secret",
      "~holdfast:*",
      "&*",
      "+@all",
      "-xrange",
      "-evalsha",
      "-info",
    );
    const url = `redis://weak:secret@127.0.0.1:${server.port}`;
    const { of } = await visit("--redis", url, "--admin-port", "0");
    expect(of("HF-R006")).toMatchObject({ outcome: "failed", found: "refused: INFO, XRANGE, EVALSHA" });
    // A gateway whose user may not ask works, and promises less.
    expect(of("HF-R005")).toMatchObject({ outcome: "warning", found: expect.stringContaining("INFO") });
  });

  test("of the documented ACL is allowed all that a gateway does", async () => {
    const rules =
      "on >secret1 resetkeys resetchannels ~holdfast:* &holdfast:* -@all +@connection +@pubsub +@string +@hash +@set +@sortedset +@stream +@keyspace +info +role +eval +evalsha +script|load +time +memory|usage";
    await admin.call("ACL", "SETUSER", "holdfast", ...rules.split(" "));
    const { of } = await visit(
      "--redis",
      `redis://holdfast:secret1@127.0.0.1:${server.port}`,
      "--admin-port",
      "0",
    );
    expect(of("HF-R006")).toMatchObject({ outcome: "ok" });
  });

  test("that stands still, or is not there, has not answered", async () => {
    server.pause();
    expect((await asked()).of("HF-R001")).toMatchObject({ outcome: "failed" });
    server.resume();
    const gone = await visit("--redis", "redis://127.0.0.1:1", "--admin-port", "0");
    expect(gone.of("HF-R001")).toMatchObject({
      outcome: "failed",
      found: expect.stringContaining("ECONNREFUSED"),
    });
    expect(gone.of("HF-R010")).toMatchObject({ outcome: "skipped" });
  });

  test("of another kind than the URL says is told", async () => {
    const cluster = await RedisCluster.start();
    try {
      const { port } = cluster.members[0] ?? { port: 0 };
      const { of } = await visit("--redis", `redis://127.0.0.1:${port}`, "--admin-port", "0");
      expect(of("HF-R003")).toMatchObject({
        outcome: "failed",
        found: "the URL says single, and the server is cluster",
      });
      const right = await visit("--redis", `redis+cluster://127.0.0.1:${port}`, "--admin-port", "0");
      expect(right.of("HF-R003")).toMatchObject({ outcome: "ok" });
    } finally {
      await cluster.close();
    }
  });
});

describe("the way from outside", () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    gateway = await GatewayProcess.start({ args: ["--ping-interval", "1s", "--pong-timeout", "500ms"] });
  });
  afterAll(() => gateway.close());
  const asked = (url: string, ...args: string[]): Promise<Visit> =>
    visit(
      "--url",
      url,
      "--admin-port",
      new URL(gateway.admin).port,
      "--ping-interval",
      "1s",
      "--pong-timeout",
      "500ms",
      ...args,
    );

  test("that is straight is well, to the ping", async () => {
    const { of, stderr } = await asked(gateway.ws());
    for (const code of [
      "001",
      "002",
      "006",
      "007",
      "008",
      "010",
      "011",
      "012",
      "013",
      "014",
      "015",
      "016",
      "017",
    ])
      expect([code, of(`HF-O${code}`)]).toEqual([code, expect.objectContaining({ outcome: "ok" })]);
    expect(of("HF-O003")).toMatchObject({ outcome: "skipped" });
    expect(of("HF-G040")).toMatchObject({ outcome: "ok" });
    expect(of("HF-G041")).toMatchObject({ outcome: "ok" });
    expect(of("HF-G042")).toMatchObject({ outcome: "ok" });
    expect(stderr).toContain("waiting in silence for a ping …");
  });

  describe("through a proxy that meddles", () => {
    let proxy: MeddlingProxy;
    beforeEach(async () => {
      proxy = await MeddlingProxy.start(gateway.port);
    });
    afterEach(() => proxy.close());
    const url = (): string => `${proxy.http.replace("http", "ws")}/ws`;

    test("refuses upgrades", async () => {
      proxy.meddling = { refuseUpgrades: true };
      const { exitCode, of } = await asked(url());
      expect(exitCode).toBe(3);
      expect(of("HF-O011")).toMatchObject({ outcome: "failed", found: "answered with 403" });
      expect(of("HF-O014")).toMatchObject({ outcome: "skipped" });
    });

    test("holds streams back", async () => {
      proxy.meddling = { buffer: true };
      expect((await asked(url())).of("HF-O015")).toMatchObject({
        outcome: "failed",
        found: "no head came: the stream is held back",
      });
    });

    test("cuts what is silent before the ping", async () => {
      proxy.meddling = { cutAfterMs: 600 };
      const { of } = await asked(url());
      expect(of("HF-O014")).toMatchObject({
        outcome: "failed",
        found: expect.stringContaining("before its ping"),
      });
    });
  });

  describe("through a proxy that rewrites", () => {
    let proxy: RewritingProxy;
    beforeEach(async () => {
      proxy = await RewritingProxy.start(gateway.port);
    });
    afterEach(() => proxy.close());
    const through = (): Promise<Visit> => asked(`ws://127.0.0.1:${proxy.port}/ws`);

    test("takes Origin out: pages of other sites come in", async () => {
      proxy.rewriting = { without: ["origin"] };
      expect((await through()).of("HF-O007")).toMatchObject({ outcome: "failed", found: "let in" });
    });

    test("loses the subprotocol, and Sec-WebSocket-Accept", async () => {
      proxy.rewriting = { loses: /^sec-websocket-protocol:/i };
      expect((await through()).of("HF-O012")).toMatchObject({ outcome: "failed" });
      proxy.rewriting = { loses: /^sec-websocket-accept:/i };
      expect((await through()).of("HF-O011")).toMatchObject({
        outcome: "failed",
        found: expect.stringContaining("Sec-WebSocket-Accept"),
      });
    });

    test("forwards the admin port", async () => {
      proxy.rewriting = { adminPort: Number(new URL(gateway.admin).port) };
      expect((await through()).of("HF-O006")).toMatchObject({
        outcome: "failed",
        found: expect.stringContaining("/metrics"),
      });
    });

    test("refuses long heads, compresses, and shows itself", async () => {
      proxy.rewriting = { longestHead: 4096, adds: { "content-encoding": "gzip", via: "1.1 squid" } };
      const { of } = await through();
      expect(of("HF-O016")).toMatchObject({
        outcome: "failed",
        found: "a head of 8 KiB is answered with 431",
      });
      expect(of("HF-O015")).toMatchObject({ outcome: "failed", found: "compressed on the way (gzip)" });
      expect(of("HF-O017")).toMatchObject({
        outcome: "failed",
        found: expect.stringContaining("the proxy between is not believed"),
      });
    });

    test("has a clock that is wrong", async () => {
      proxy.rewriting = { adds: { date: "Sat, 01 Jan 2000 00:00:00 GMT" } };
      expect((await through()).of("HF-O008")).toMatchObject({ outcome: "warning" });
    });
  });

  describe("through a proxy, and whom the gateway takes its clients for", () => {
    const TRUSTED = "127.0.0.5";
    let proxy: RewritingProxy;
    let behind: GatewayProcess;
    beforeAll(async () => {
      behind = await GatewayProcess.start({ args: ["--trusted-proxies", TRUSTED] });
      proxy = await RewritingProxy.start(behind.port);
    });
    afterAll(async () => {
      await proxy.close();
      await behind.close();
    });
    const judged = async (rewriting: Rewriting): Promise<Result | undefined> => {
      proxy.rewriting = rewriting;
      const { of } = await visit(
        ...["--url", `ws://127.0.0.1:${proxy.port}/ws`, "--wait", "1s"],
        ...["--admin-port", new URL(behind.admin).port, "--trusted-proxies", TRUSTED],
      );
      return of("HF-O017");
    };

    test("a trusted proxy that names its client is believed", async () => {
      expect(await judged({ from: TRUSTED, namesClient: true })).toMatchObject({
        outcome: "ok",
        found: `the gateway takes this client for 127.0.0.1, which it is; the proxy at ${TRUSTED} says so`,
      });
    });

    test("a trusted proxy that passes on what clients write lets them choose their address", async () => {
      expect(await judged({ from: TRUSTED })).toMatchObject({
        outcome: "failed",
        found:
          "the gateway takes this client for 192.0.2.77, which it only claimed: clients choose their address",
      });
    });

    test("a trusted proxy that names no client makes all of them one", async () => {
      expect(await judged({ from: TRUSTED, without: ["x-forwarded-for"] })).toMatchObject({
        outcome: "failed",
        found: `the proxy at ${TRUSTED} is believed and names no client: all are taken for it`,
      });
    });

    test("a proxy that is not trusted makes all of them one, whatever it names", async () => {
      expect(await judged({ from: "127.0.0.9", namesClient: true })).toMatchObject({
        outcome: "failed",
        found:
          "the gateway takes this client for 127.0.0.9, and this machine is 127.0.0.1: the proxy between is not believed",
      });
    });

    test("without a proxy the gateway has this client's own socket", async () => {
      const { of } = await visit(
        ...["--url", behind.ws(), "--wait", "1s", "--admin-port", new URL(behind.admin).port],
      );
      expect(of("HF-O017")).toMatchObject({
        outcome: "ok",
        found: "the gateway takes this client for 127.0.0.1; no proxy between",
      });
    });

    test("of an instance that is not the one behind the URL settings are judged", async () => {
      proxy.rewriting = { adds: { via: "1.1 squid" } };
      const { of } = await visit(
        ...["--url", `ws://127.0.0.1:${proxy.port}/ws`, "--wait", "1s"],
        ...["--admin-port", new URL(gateway.admin).port],
      );
      expect(of("HF-O017")).toMatchObject({
        outcome: "warning",
        found: "a proxy is on the way (via: 1.1 squid), and none is believed",
      });
    });
  });

  test("with a certificate that is not trusted and soon ends", async () => {
    const proxy = await RewritingProxy.start(gateway.port, 5);
    try {
      const { of } = await asked(`wss://127.0.0.1:${proxy.port}/ws`);
      expect(of("HF-O003")).toMatchObject({
        outcome: "failed",
        found: expect.stringMatching(/self.signed/i),
      });
      expect(of("HF-O004")).toMatchObject({ outcome: "warning", found: "in 4 days" });
      expect(of("HF-O005")).toMatchObject({ outcome: "ok", found: "TLSv1.3" });
      // What is behind the certificate is looked at all the same.
      expect(of("HF-O011")).toMatchObject({ outcome: "ok" });
    } finally {
      await proxy.close();
    }
  });

  test("that leads nowhere", async () => {
    const { exitCode, of } = await asked("ws://127.0.0.1:1/ws");
    expect(exitCode).toBe(3);
    expect(of("HF-O010")).toMatchObject({
      outcome: "failed",
      found: expect.stringContaining("ECONNREFUSED"),
    });
  });

  test("that wants a token is told to bring one", async () => {
    const closed = await GatewayProcess.start({ args: ["--jwt-secret", "0123456789abcdefghijklmnopqrstuv"] });
    try {
      const { of } = await asked(closed.ws());
      expect(of("HF-O013")).toMatchObject({ outcome: "skipped", found: expect.stringContaining("--token") });
    } finally {
      await closed.close();
    }
  });
});
