/**
 * Peers that break the rules, on purpose or by accident.
 *
 * A bystander is connected to each worker all the time: whatever happens, it loses no message and no
 * connection.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { ownerOf } from "@holdfast/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { eventually, within } from "./deadline.js";
import { GatewayProcess } from "./gateway-process.js";
import { metric } from "./metrics-text.js";
import { HandshakeRefused, PlainClient, type PlainOptions } from "./plain-client.js";
import { rawRequest } from "./raw-request.js";
import { frame, OPCODES, RawSocket, upgradeHead } from "./raw-socket.js";
import { Resources } from "./resources.js";

jest.setTimeout(60_000);

const MAX_PAYLOAD = 4096;
const shared = new Resources();
const own = new Resources();
let gateway: GatewayProcess;
let bystanders: (PlainClient & { sid: string })[];
let pids: readonly number[];
let round = 0;

beforeAll(async () => {
  const args = [
    ...["--max-payload", "4KiB", "--max-outbox-bytes", "256KiB", "--command-rate", "50"],
    ...[
      "--head-timeout",
      "1s",
      "--connect-timeout",
      "1s",
      "--ping-interval",
      "1s",
      "--pong-timeout",
      "500ms",
    ],
    ...["--origins", "https://app.example", "--max-channels", "4"],
  ];
  gateway = shared.add(await GatewayProcess.start({ args }));
  bystanders = await Promise.all(
    Array.from({ length: 4 }, async () =>
      shared.add(await PlainClient.subscribed(gateway.ws("channels=calm,busy"))),
    ),
  );
  expect(new Set(bystanders.map(({ sid }) => ownerOf(sid)?.slot)).size).toBe(2);
  pids = gateway.workerPids();
});

afterEach(async () => {
  await own.close();
  const marker = `round ${++round}`;
  await gateway.publish("calm", marker);
  for (const bystander of bystanders) await bystander.until(marker);
  expect(gateway.workerPids()).toEqual(pids);
});
afterAll(() => shared.close());

const refusal = async (url: string, options?: PlainOptions): Promise<HandshakeRefused> => {
  const outcome = await PlainClient.connect(url, options).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(HandshakeRefused);
  return outcome as HandshakeRefused;
};
const raw = async (query = "channels=calm") => {
  const socket = await RawSocket.open(gateway.ws(query));
  own.add({ close: () => socket.destroy() });
  return socket;
};
const head = (target = "/ws?channels=calm", headers: string[] = []) =>
  upgradeHead(target, `127.0.0.1:${gateway.port}`, headers);

describe("handshakes that are refused", () => {
  const wrong: [what: string, path: string, options: PlainOptions, status: number, name: string][] = [
    [
      "an origin that is not listed",
      "/ws?channels=calm",
      { origin: "https://evil.example" },
      403,
      "forbidden",
    ],
    ["the origin null", "/ws?channels=calm", { origin: "null" }, 403, "forbidden"],
    ["another path", "/socket.io/?channels=calm", {}, 404, "not_found"],
    ["another subprotocol", "/ws", { protocols: ["graphql-ws"] }, 400, "bad_request"],
    ["a later version of ours", "/ws", { protocols: ["holdfast.v9.json"] }, 400, "bad_request"],
    ["an older WebSocket", "/ws", { protocolVersion: 8 }, 426, "upgrade_required"],
    ["a malformed channel", "/ws?channels=a%20b", {}, 400, "bad_channel"],
    ["percent signs that encode nothing", "/ws?channels=%E0%A4", {}, 400, "bad_request"],
    ["too many channels", "/ws?channels=1,2,3,4,5", {}, 400, "limit_channels"],
    ["somebody's private channel", "/ws?channels=user:42", {}, 403, "forbidden"],
    ["an unknown format", "/ws?channels=calm&format=xml", {}, 400, "bad_request"],
    ["a token in the URL", "/ws?channels=calm&token=secret", {}, 400, "bad_request"],
  ];

  test.each(wrong)("%s", async (_what, path, options, status, name) => {
    const url = gateway.http.replace("http", "ws") + path;
    const refused = await refusal(url, options);
    expect(refused.status).toBe(status);
    const { error } = JSON.parse(refused.body);
    expect(error.name).toBe(name);
    expect(error.message).toMatch(/^.+\.$/);
    expect(refused.headers.connection).toBe(status === 426 ? "close, upgrade" : "close");
  });

  test("the origin on the list, and no origin at all, pass", async () => {
    own.add(await PlainClient.subscribed(gateway.ws("channels=calm"), { origin: "https://app.example" }));
    own.add(await PlainClient.subscribed(gateway.ws("channels=calm")));
  });

  test("a plain GET of /ws is told to upgrade, other paths are not found", async () => {
    expect((await gateway.get("/ws")).status).toBe(426);
    expect((await gateway.get("/nope")).status).toBe(404);
    expect((await gateway.get("/healthz", { method: "POST" })).status).toBe(405);
  });
});

describe("requests that are not quite HTTP", () => {
  test("a header that never ends is refused at the limit", async () => {
    const endless = [
      `X: ${"x".repeat(8000)}\r\n`,
      `Y: ${"y".repeat(8000)}\r\n`,
      `Z: ${"z".repeat(8000)}\r\n`,
      `A: ${"a".repeat(8000)}\r\n`,
      `B: ${"b".repeat(8000)}\r\n`,
    ];
    const answer = await rawRequest(gateway.http, "GET /ws HTTP/1.1\r\nHost: x\r\n", ...endless);
    expect(answer.status).toBe(431);
  });

  test("a complete but huge header is refused too", async () => {
    const answer = await rawRequest(
      gateway.http,
      head("/ws?channels=calm", [`Cookie: ${"c".repeat(60_000)}`]),
    );
    expect(answer.status).toBe(431);
  });

  test("a header that comes byte by byte is cut off at its deadline, however busy it looks", async () => {
    const socket = connect(gateway.port, "127.0.0.1");
    own.add({ close: () => socket.destroy() });
    socket.on("error", () => {});
    const started = performance.now();
    const dripping = setInterval(() => socket.write("x"), 50);
    socket.write("GET /ws HTTP/1.1\r\nHost: ");
    socket.resume();
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    await within(closed, "the slow one is closed").finally(() => clearInterval(dripping));
    expect(performance.now() - started).toBeLessThan(6_000);
  });

  test("silence is cut off at the deadline, and does not keep others out meanwhile", async () => {
    const silent = Array.from({ length: 500 }, () => connect(gateway.port, "127.0.0.1"));
    own.add({ close: () => silent.forEach((socket) => void socket.destroy()) });
    const closed = silent.map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.on("error", () => {});
          socket.resume();
          socket.once("close", () => resolve());
        }),
    );
    const started = performance.now();
    own.add(await PlainClient.subscribed(gateway.ws("channels=calm")));
    expect(performance.now() - started).toBeLessThan(2_000);
    await within(Promise.all(closed), "all silent ones are closed");
  });

  test("what is no HTTP at all gets a 400 or a close", async () => {
    for (const bytes of [
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      "SSH-2.0-OpenSSH\r\n\r\n",
      "\0\0\0\0",
    ]) {
      expect([0, 400]).toContain((await rawRequest(gateway.http, Buffer.from(bytes, "latin1"))).status);
    }
  });

  test("an upgrade with a body is refused: bytes behind the head would be frames", async () => {
    for (const header of ["Content-Length: 5", "Transfer-Encoding: chunked"]) {
      expect((await rawRequest(gateway.http, head("/ws?channels=calm", [header]), "hello")).status).toBe(400);
    }
  });

  test("a head in many segments loses no byte, nor does a frame right behind it", async () => {
    const text = head("/ws");
    const hello = frame(OPCODES.text, Buffer.from('{"id":1,"connect":{"subs":{"calm":null}}}'));
    const bytes = Buffer.concat([Buffer.from(text), hello]);
    for (const cut of [
      1,
      5,
      20,
      text.length - 3,
      text.length - 1,
      text.length,
      text.length + 1,
      bytes.length - 1,
    ]) {
      const socket = connect(gateway.port, "127.0.0.1");
      own.add({ close: () => socket.destroy() });
      socket.setNoDelay(true);
      let received = "";
      const welcomed = new Promise<void>((resolve, reject) => {
        socket.on("data", (chunk) => {
          received += chunk.toString("latin1");
          if (received.includes('"subs":{"calm":{}}')) resolve();
        });
        socket.on("close", () => reject(new Error(`closed at cut ${cut}: ${received}`)));
      });
      socket.write(bytes.subarray(0, cut));
      await eventually(
        "the first segment is taken",
        () => socket.bytesWritten === cut && socket.writableLength === 0,
      );
      await gateway.get("/healthz");
      socket.write(bytes.subarray(cut));
      await within(welcomed, () => `the welcome at cut ${cut} in ${received}`);
    }
  });
});

describe("frames that are not allowed", () => {
  const ends = async (socket: RawSocket, code: number, name: string): Promise<void> => {
    expect(await within(socket.closed, `a close with ${code}`)).toEqual({ code, reason: name });
    expect(JSON.parse(socket.messages.at(-1) ?? "")).toMatchObject({
      disconnect: { code, reconnect: false },
    });
  };

  const wrong: [what: string, bytes: () => Buffer, code: number, name: string][] = [
    [
      "a message that is too big",
      () => frame(OPCODES.text, Buffer.alloc(MAX_PAYLOAD + 1, 0x20)),
      3501,
      "too_big",
    ],
    [
      "one that only claims to be too big",
      () => Buffer.from([0x81, 0xff, 0, 0, 0, 0xff, 0, 0, 0, 0, 1, 2, 3, 4]),
      3501,
      "too_big",
    ],
    [
      "fragments that are too big together",
      () =>
        Buffer.concat([
          frame(OPCODES.text, Buffer.alloc(3000, 0x20), { final: false }),
          frame(OPCODES.continuation, Buffer.alloc(3000, 0x20)),
        ]),
      3501,
      "too_big",
    ],
    ["binary", () => frame(OPCODES.binary, Buffer.from("{}")), 3500, "bad_frame"],
    ["text that is not JSON", () => frame(OPCODES.text, Buffer.from("hello")), 3500, "bad_frame"],
    ["JSON that is no frame", () => frame(OPCODES.text, Buffer.from("[1,2]")), 3500, "bad_frame"],
    ["an empty message", () => frame(OPCODES.text, Buffer.alloc(0)), 3500, "bad_frame"],
    ["JSON that nests too deep", () => frame(OPCODES.text, Buffer.from("[".repeat(2000))), 3500, "bad_frame"],
    ["text that is not UTF-8", () => frame(OPCODES.text, Buffer.from([0xff, 0xfe])), 3500, "bad_frame"],
    [
      "a frame without a mask",
      () => frame(OPCODES.text, Buffer.from("{}"), { masked: false }),
      3500,
      "bad_frame",
    ],
    ["a reserved opcode", () => frame(3, Buffer.from("{}")), 3500, "bad_frame"],
    [
      "too many frames in a message",
      () => frame(OPCODES.text, Buffer.from(Array(65).fill("{}").join("\n"))),
      3500,
      "bad_frame",
    ],
  ];

  test.each(wrong)("%s", async (_what, bytes, code, name) => {
    const socket = await raw();
    socket.socket.write(bytes());
    await ends(socket, code, name);
  });

  test("commands that are wrong in themselves get an error and the connection goes on", async () => {
    const client = own.add(await PlainClient.connected(gateway.ws()));
    client.send('{"id":50,"subscribe":{"channel":"a b"}}\n{"id":51,"fly":{}}\n{"id":52,"subscribe":7}');
    const codes = [await client.next(), await client.next(), await client.next()].map(
      ({ id, error }) => `${id} ${error.name}`,
    );
    expect(codes).toEqual(["50 bad_channel", "51 unknown_command", "52 bad_request"]);
    expect(await client.command("connect", {})).toMatchObject({ error: { name: "already_connected" } });
    expect(await client.command("unsubscribe", { channel: "calm" })).toMatchObject({
      error: { name: "not_subscribed" },
    });
  });

  test("a URL client may not be a raw client that talks: what it says is ignored", async () => {
    const client = own.add(await PlainClient.connect(gateway.ws("channels=calm&format=raw")));
    client.send("anything at all");
    await eventually("it still hears publications", async () => {
      await gateway.publish("calm", "for raw");
      return client.all.includes('"for raw"');
    });
    expect(client.ending).toBeUndefined();
  });
});

describe("floods", () => {
  test("10,000 pings of the protocol end the connection with limit_rate", async () => {
    const socket = await raw("");
    const one = frame(OPCODES.text, Buffer.from("{}"));
    socket.socket.write(Buffer.concat(Array.from({ length: 10_000 }, () => one)));
    expect(await within(socket.closed, "the end of the flood")).toEqual({ code: 3007, reason: "limit_rate" });
  });

  test("commands beyond the rate are refused as temporary before that", async () => {
    const client = own.add(await PlainClient.connected(gateway.ws()));
    for (let id = 100; id < 250; id++) client.send({ id, unsubscribe: { channel: "calm" } });
    const errors = new Set<string>();
    for (let i = 0; i < 150; i++) errors.add((await client.next()).error.name);
    expect(errors).toEqual(new Set(["not_subscribed", "limit_rate"]));
    expect(client.ending).toBeUndefined();
  });

  test("WebSocket pings whose pongs are not read do not fill the memory", async () => {
    const before = residentMemory();
    const socket = await raw();
    socket.socket.pause();
    const burst = Buffer.concat(Array.from({ length: 8_000 }, () => frame(OPCODES.ping, Buffer.alloc(125))));
    // 100 MB of pings, as far as the server takes them.
    await pour(socket.socket, burst, 100);
    const taken = socket.socket.bytesWritten - socket.socket.writableLength;
    // Otherwise there was no flood. A connection beyond its rate is not read to its end, which has a
    // deadline.
    const flooded = (): boolean => taken > 50_000_000 || socket.socket.destroyed;
    await eventually("the flood is taken, or ends its connection", flooded);
    expect(residentMemory() - before).toBeLessThan(64 * 1024 * 1024);
  });

  test("connections that open and vanish leave nothing behind", async () => {
    const openNow = async () => metric((await gateway.adminGet("/metrics")).text, "holdfast_connections");
    const before = await openNow();
    for (let i = 0; i < 20; i++) {
      const sockets = await Promise.all(
        Array.from({ length: 25 }, () => RawSocket.open(gateway.ws("channels=calm"))),
      );
      for (const socket of sockets) socket.socket.resetAndDestroy();
    }
    await eventually("all 500 are gone", async () => (await openNow()) === before);
  });
});

describe("peers that do not read, answer or leave", () => {
  test("a client that never reads is closed as slow; others get everything, memory stays bounded", async () => {
    const slow = await RawSocket.open(gateway.ws("channels=busy"));
    own.add({ close: () => slow.destroy() });
    slow.socket.pause();
    const before = residentMemory();
    const text = (await gateway.adminGet("/metrics")).text;
    const slowBefore = metric(text, "holdfast_slow_consumers_total");
    const data = "x".repeat(200 * 1024);
    let published = 0;
    await eventually("the slow one is noticed", async () => {
      for (let i = 0; i < 10; i++, published++) await gateway.publish("busy", `${published}:${data}`);
      const now = (await gateway.adminGet("/metrics")).text;
      return metric(now, "holdfast_slow_consumers_total") > slowBefore;
    });
    expect(residentMemory() - before).toBeLessThan(100 * 1024 * 1024);
    await gateway.publish("busy", "end");
    for (const bystander of bystanders) {
      const received = (await bystander.until('"end"')).filter((message) => message.includes('"busy"'));
      const numbers = received
        .flatMap((message) => message.split("\n"))
        .map((line) => /"data":"(\d+):/.exec(line)?.[1]);
      expect(numbers).toEqual(Array.from({ length: published }, (_, n) => String(n)));
    }
    await eventually("its connection is gone", async () => {
      const now = (await gateway.adminGet("/metrics")).text;
      return metric(now, "holdfast_connections") === bystanders.length;
    });
  });

  test("one that answers no ping is closed with no_pong; one that does stays", async () => {
    const dead = await raw();
    dead.answersPings = false;
    const alive = await raw();
    expect(await within(dead.closed, "the dead one is noticed")).toEqual({ code: 3004, reason: "no_pong" });
    expect(dead.pingsReceived).toBeGreaterThan(0);
    expect(alive.socket.destroyed).toBe(false);
    await eventually("the live one was asked too", () => alive.pingsReceived > 0);
  });

  test("one that never says connect is closed as stale", async () => {
    const socket = await raw("");
    expect(await within(socket.closed, "the end of the wait")).toEqual({ code: 3003, reason: "stale" });
  });

  test("one that closes only its half is closed wholly", async () => {
    const socket = await raw();
    socket.socket.end();
    await within(socket.closed, "the end of a half-open connection");
  });

  test("one that is gone without a goodbye, while data is on its way", async () => {
    const socket = await raw("channels=busy");
    const publishing = gateway.publish("busy", "x".repeat(100_000));
    socket.socket.resetAndDestroy();
    await publishing;
  });
});

/** Bytes of both workers together. */
function residentMemory(): number {
  return pids.reduce((sum, pid) => {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return sum + 1024 * Number(kib);
  }, 0);
}

/** Writes again and again until the connection ends or the kernel takes nothing more for a second. */
async function pour(socket: Socket, bytes: Buffer, times: number): Promise<void> {
  for (let i = 0; i < times && !socket.destroyed; i++) {
    let timer: NodeJS.Timeout | undefined;
    let ended = (): void => {};
    const taken = await new Promise<boolean>((resolve) => {
      ended = () => resolve(false);
      socket.once("close", ended);
      timer = setTimeout(resolve, 1_000, false);
      socket.write(bytes, () => resolve(true));
    });
    clearTimeout(timer);
    socket.removeListener("close", ended);
    if (!taken) return;
  }
}
