/**
 * RFC 6455 §5 to §8 and §10.4 over real sockets, case by case, and random conversations, against both engines.
 */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { negotiateDeflate } from "../http/deflate-offer.js";
import { clientFrame } from "../websocket/testing/client-frame.js";
import { CONFORMANCE_CASES, DEFLATE_CASES, MAX_PAYLOAD } from "./testing/conformance-cases.js";
import { type Server, serve } from "./testing/conversation.js";
import { ENGINES } from "./testing/engines.js";

const TERMS = negotiateDeflate("permessage-deflate");
const RULES = [
  { compression: "off", cases: CONFORMANCE_CASES, deflate: undefined },
  { compression: "shared", cases: DEFLATE_CASES, deflate: TERMS },
];
const BOTH = ENGINES.flatMap((engine) => RULES.map((rules) => ({ engine, ...rules })));

const BYE = clientFrame({ opcode: 8, payload: Buffer.of(0x03, 0xe8) });

describe.each(BOTH)("the engine $engine with compression $compression", ({ engine, cases, deflate }) => {
  let server: Server;
  beforeAll(async () => {
    if (deflate === "malformed") throw new Error("no terms");
    server = await serve(engine, MAX_PAYLOAD, deflate);
  });
  afterAll(() => server.close());

  it.each(cases.map((each) => [each.name, each] as const))("%s", async (_name, { parts, heard }) => {
    expect(await server.talk([Buffer.concat(parts.map(clientFrame))])).toEqual(heard);
  });
});

const FUZZED = [
  { compression: "off", cases: CONFORMANCE_CASES, deflate: undefined },
  { compression: "shared", cases: [...CONFORMANCE_CASES, ...DEFLATE_CASES], deflate: TERMS },
];

describe.each(FUZZED)("both engines with compression $compression", ({ cases, deflate }) => {
  const servers: Server[] = [];
  beforeAll(async () => {
    if (deflate === "malformed") throw new Error("no terms");
    for (const engine of ENGINES) servers.push(await serve(engine, MAX_PAYLOAD, deflate));
  });
  afterAll(() => {
    for (const server of servers) server.close();
  });

  const short = cases.flatMap(({ parts }) => parts).filter(({ payload }) => payload.length < 300);
  const conversation = fc.record({
    frames: fc.array(fc.constantFrom(...short), { minLength: 1, maxLength: 8 }),
    damage: fc.option(fc.tuple(fc.nat(), fc.nat(255)), { freq: 3 }),
    cuts: fc.array(fc.nat(), { maxLength: 6 }),
  });

  it("give the same verdict of any conversation, however it is cut", async () => {
    await fc.assert(
      fc.asyncProperty(conversation, async ({ frames, damage, cuts }) => {
        const bytes = Buffer.concat([...frames.map(clientFrame), BYE]);
        if (damage !== null) bytes[damage[0] % bytes.length] = damage[1];
        // What a damaged head waits for comes, and then the end.
        const whole = Buffer.concat([bytes, Buffer.alloc(MAX_PAYLOAD + 14), BYE]);
        const ends = [...new Set(cuts.map((cut) => cut % bytes.length)), whole.length].sort((a, b) => a - b);
        const segments = ends.map((end, i) => whole.subarray(ends[i - 1] ?? 0, end));
        const [lean, ws] = await Promise.all(servers.map((server) => server.talk(segments)));
        expect(ws?.map(verdict)).toEqual(lean?.map(verdict));
      }),
      { numRuns: deflate === undefined ? 100 : 50 },
    );
  }, 120_000);
});

/** Where a frame has two faults, each engine may name another one; the code is the same. */
function verdict(word: string): string {
  return word.startsWith("refused: ") ? "refused" : word;
}
