/**
 * RFC 6455 §4 over real sockets, case by case, against both engines behind the worker's HTTP server.
 */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { clientFrame } from "../websocket/testing/client-frame.js";
import { CONFORMANCE_CASES, DEFLATE_CASES } from "./testing/conformance-cases.js";
import { wordsOf } from "./testing/conversation.js";
import { ENGINES } from "./testing/engines.js";
import { HANDSHAKES, PAGE } from "./testing/handshake-cases.js";
import { type HandshakeServer, serveHandshakes } from "./testing/handshake-server.js";

/** What a client that was accepted says: it lies right behind the head. */
const SAYS = Buffer.concat([
  clientFrame({ opcode: 1, payload: Buffer.from("it") }),
  clientFrame({ opcode: 8, payload: Buffer.of(0x03, 0xe8) }),
]);

const BOTH = ENGINES.flatMap((engine) => HANDSHAKES.map((each) => ({ engine, ...each })));

describe.each(BOTH)("the engine $engine with compression $compression", ({ engine, compression, cases }) => {
  let server: HandshakeServer;
  beforeAll(async () => {
    server = await serveHandshakes(engine, { compression, origins: [PAGE], maxPayload: 1_000 });
  });
  afterAll(() => server.close());

  it.each(cases.map((each) => [each.name, each] as const))(
    "%s",
    async (_name, { lines, status, headers }) => {
      const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
      const answered = await server.ask(Buffer.concat([head, SAYS]));
      expect(answered.status).toBe(status);
      for (const [field, value] of Object.entries(headers))
        expect(`${field}: ${answered.headers[field]}`).toBe(`${field}: ${value}`);
      if (status === 101) expect(wordsOf(answered.behind)).toEqual(["heard it", "close 1000"]);
    },
  );
});

it("there are 250 cases and more of RFC 6455, each with a name of its own", () => {
  const handshakes = HANDSHAKES.flatMap(({ cases }) => cases);
  const names = [...CONFORMANCE_CASES, ...DEFLATE_CASES, ...handshakes].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(250);
});
