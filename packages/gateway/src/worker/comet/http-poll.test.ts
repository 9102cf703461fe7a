/**
 * A held poll says of its connection what is true when it is answered.
 */
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Core } from "@holdfast/core";
import { describe, expect, it } from "@jest/globals";
import { HttpPoll } from "./http-poll.js";

/** What a client is told by a poll that was held from before `state` until after it. */
async function answerAfter(state: Core["state"], say: (poll: HttpPoll) => void): Promise<IncomingMessage> {
  const core: { state: Core["state"] } = { state: "open" };
  const server = createServer((_, response) => {
    response.setHeader("Connection", "keep-alive");
    const poll = new HttpPoll(response, {}, core);
    core.state = state;
    say(poll);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    return await new Promise((resolve, reject) => {
      get({ port, host: "127.0.0.1", headers: { Connection: "keep-alive" } }, (answer) => {
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
    ["answered", (poll) => poll.answer(Buffer.from("{}"))],
    ["superseded", (poll) => poll.supersede()],
    ["dropped", (poll) => poll.drop()],
  ];

  it.each(says)("that is %s while the worker is open keeps its connection", async (_, say) => {
    expect((await answerAfter("open", say)).headers.connection).toBe("keep-alive");
  });

  it.each(says)("that is %s after a drain began says that its connection closes", async (_, say) => {
    expect((await answerAfter("draining", say)).headers.connection).toBe("close");
  });
});
