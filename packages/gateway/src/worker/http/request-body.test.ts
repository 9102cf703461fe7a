import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { FakeClock } from "@holdfast/core/testing";
import { describe, expect, test } from "@jest/globals";
import type { HttpAnswer } from "../../http/http-answer.js";
import { UnfinishedMessages } from "../sockets/unfinished-messages.js";
import { readBody } from "./request-body.js";

/** A body that comes piece by piece, and what became of it. */
class Body {
  readonly clock = new FakeClock();
  readonly unfinished = new UnfinishedMessages({ timeoutMs: 3_000, maxBytes: 1_000_000 }, this.clock);
  readonly results: (string | HttpAnswer)[] = [];
  readonly #stream = Object.assign(new PassThrough(), { headers: {} });

  constructor(maxBytes = 100_000) {
    readBody(
      this.#stream as unknown as IncomingMessage,
      { maxBytes, unfinished: this.unfinished, headers: { "X-Page": "yes" } },
      (result) => this.results.push(result),
    );
  }

  /** Sends, and lets it be read. */
  async pieces(count: number, piece: string): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.#stream.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async end(): Promise<void> {
    this.#stream.end();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a body", () => {
  test("in as many small pieces as may be is taken, and its room is free again", async () => {
    const body = new Body();
    await body.pieces(1_024, "ab");
    await body.end();
    expect(body.results).toEqual(["ab".repeat(1_024)]);
    expect([body.unfinished.bytes, body.unfinished.size]).toEqual([0, 0]);
  });

  test("in one small piece more is refused, once, and read no further", async () => {
    const body = new Body();
    await body.pieces(1_030, "ab");
    await body.end();
    expect(body.results).toEqual([
      expect.objectContaining({ status: 400, headers: expect.objectContaining({ "X-Page": "yes" }) }),
    ]);
    expect([body.unfinished.bytes, body.unfinished.size]).toEqual([0, 0]);
  });

  test("in any number of pieces that are not small is taken", async () => {
    const body = new Body(400_000);
    await body.pieces(1_100, "x".repeat(256));
    await body.end();
    expect(body.results).toEqual(["x".repeat(256 * 1_100)]);
  });

  test("whose end does not come is answered, also where all of its bytes did", async () => {
    const body = new Body();
    await body.pieces(1, "{}");
    body.clock.advance(4_000);
    expect(body.results).toEqual([expect.objectContaining({ status: 408 })]);
    await body.end();
    expect(body.results).toHaveLength(1);
  });
});
