import { describe, expect, it } from "@jest/globals";
import { Access, type AccessMode } from "../access/access.js";
import type { Identity, Verb } from "../access/identity.js";
import { Namespaces } from "../namespace.js";
import { SparseLog } from "../runtime/sparse-log.js";
import { FakeClock } from "../testing/fake-clock.js";
import { RecordingLogger } from "../testing/recording-logger.js";
import { forbidden } from "./forbidden.js";

function refuse(mode: AccessMode, channel: string, verb: Verb, identity?: Identity) {
  const logger = new RecordingLogger();
  const defaults = {
    commandRate: 10,
    historySize: 0,
    historyTtlMs: 1_000,
    maxJoinLeave: 10,
    compressMin: 256,
  };
  const access = new Access(mode, new Namespaces({}, defaults));
  const error = forbidden(
    { access, sparseLog: new SparseLog(logger, new FakeClock()) },
    identity,
    channel,
    verb,
  );
  return { error, logger };
}

describe("the answer to what a client may not do", () => {
  it.each<[AccessMode, string, Verb, string]>([
    [
      "open",
      "room:1",
      "publish",
      'This connection may not publish to "room:1": clients publish where the setting `namespaces.room.clientPublish` is true.',
    ],
    [
      "open",
      "news",
      "publish",
      'This connection may not publish to "news": clients publish where the setting `namespaces."".clientPublish` is true.',
    ],
    [
      "private",
      "room:1",
      "subscribe",
      'This connection may not subscribe to "room:1": nothing allows it; a token whose `channels` name it with the verb `subscribe` does, and so does the setting `namespaces.room.public`.',
    ],
    [
      "private",
      "room:1",
      "publish",
      'This connection may not publish to "room:1": nothing allows it; a token whose `channels` name it with the verb `publish` does, and so does the setting `namespaces.room.clientPublish` where the channel is public.',
    ],
    [
      "open",
      "user:42",
      "history",
      'This connection may not read the history of "user:42": a channel `user:<id>` is for that user alone, as its token says in `sub`.',
    ],
  ])("in a gateway that is %s, for %s: %s", (mode, channel, verb, message) => {
    const { error } = refuse(mode, channel, verb);
    expect(error).toMatchObject({ code: 102, name: "forbidden", temporary: false, message });
  });

  it("is told to the operator with the user, and cuts a long name", () => {
    const { error, logger } = refuse("private", `room:${"x".repeat(250)}`, "presence", { user: "ada" });
    expect(error.message.length).toBeLessThan(300);
    expect(logger.lines).toMatchObject([
      {
        level: "info",
        fields: { verb: "presence", user: "ada" },
        message: "refused what a client may not do",
      },
    ]);
  });
});
