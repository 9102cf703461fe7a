/**
 * A held poll says of its connection what is true when it is answered.
 */
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { Core } from "@holdfast/core";
import { describe, expect, it } from "@jest/globals";
import { PartedBody } from "../http/parted-body.js";
import { HttpPoll } from "./http-poll.js";

/** What a client is told by a poll that was held from before `state` until after it. */
async function answerAfter(
  state: Core["state"],
  say: (poll: HttpPoll) => void,
  asks: Readonly<Record<string, string>> = {},
  own: Readonly<Record<string, string>> = {},
): Promise<IncomingMessage> {
  const core: { state: Core["state"] } = { state: "open" };
  const server = createServer((_, response) => {
    response.setHeader("Connection", "keep-alive");
    const poll = new HttpPoll(response, own, core);
    core.state = state;
    say(poll);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    return await new Promise((resolve, reject) => {
      get({ port, host: "127.0.0.1", headers: { Connection: "keep-alive", ...asks } }, (answer) => {
        answer.resume().on("end", () => resolve(answer));
      }).on("error", reject);
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe("a held poll", () => {
  const says: readonly [string, (poll: HttpPoll) => void][] = [
    ["answered", (poll) => poll.answer(new PartedBody("{", [], "}"))],
    ["superseded", (poll) => poll.supersede()],
    ["dropped", (poll) => poll.drop()],
  ];

  it.each(says)("that is %s while the worker is open keeps its connection", async (_, say) => {
    expect((await answerAfter("open", say)).headers.connection).toBe("keep-alive");
  });

  it.each(says)("that is %s after a drain began says that its connection closes", async (_, say) => {
    expect((await answerAfter("draining", say)).headers.connection).toBe("close");
  });

  const answer = new PartedBody('{"frames":[', [], "]}\n");
  const coded = gzipSync(answer.bytes);
  const asked = (accept: string, gzip?: () => Buffer | undefined, headers = {}): Promise<IncomingMessage> =>
    answerAfter("open", (poll) => poll.answer(answer, gzip), { "Accept-Encoding": accept }, headers);

  it.each(["gzip", "br, gzip;q=0.5", "*", "identity;q=0.1, GZIP"])(
    "is gzip for a client that takes %s",
    async (accept) => {
      const { headers } = await asked(accept, () => coded, { Vary: "Origin" });
      expect(headers["content-encoding"]).toBe("gzip");
      expect(headers["content-length"]).toBe(String(coded.length));
      expect(headers.vary).toBe("Origin, Accept-Encoding");
    },
  );

  it.each(["", "br", "gzip;q=0", "identity", "*;q=0"])(
    'is plain for a client that takes "%s"',
    async (accept) => {
      const { headers } = await asked(accept, () => coded);
      expect(headers["content-encoding"]).toBeUndefined();
      expect(headers["content-length"]).toBe(String(answer.bytes.length));
      expect(headers.vary).toBe("Accept-Encoding");
    },
  );

  it("is plain where gzip is no shorter, and where answers are not compressed", async () => {
    const same = (await asked("gzip", () => undefined)).headers;
    expect([same["content-encoding"], same.vary]).toEqual([undefined, "Accept-Encoding"]);
    const never = (await asked("gzip")).headers;
    expect([never["content-encoding"], never.vary]).toEqual([undefined, undefined]);
  });
});
