import { describe, expect, it } from "@jest/globals";
import { pathHint } from "./path-hints.js";
import { PlainHttp } from "./plain-http.js";
import { decideUpgrade } from "./upgrade.js";

const CASES: readonly (readonly [string, RegExp])[] = [
  ["/socket.io/", /no Socket\.IO server/],
  ["/app/a1b2c3", /no Pusher server/],
  ["/connection/websocket", /no Centrifugo server/],
  ["/cable", /own protocol/],
  ["/.well-known/mercure", /no Mercure hub/],
  ["/ws/", /ends in a slash/],
  ["/websocket", /served at `\/ws`/],
  ["/events", /served at `\/sse/],
  ["/api/publish", /admin port/],
  ["/metrics", /admin port/],
];

describe("a path that is another product's, or the admin port's", () => {
  it.each(CASES)(
    "is named in the answer to a request for %s, to an upgrade, and to the operator",
    (path, hint) => {
      const noticed: string[] = [];
      const notice = (at: string, message: string) => void noticed.push(`${at} ${message}`);
      const answer = new PlainHttp({}, notice).answer(
        { method: "GET", url: `${path}?EIO=4`, headers: {} },
        "ok",
      );
      expect(answer.status).toBe(404);
      expect(JSON.parse(String(answer.body)).error.message).toMatch(hint);
      const upgrade = { method: "GET", url: `${path}?EIO=4`, headers: { upgrade: "websocket" } };
      const policy = { mayComeFrom: () => true, maxChannels: 1, tokenInUrl: false, notice };
      expect(decideUpgrade(upgrade, policy)).toMatchObject({
        status: 404,
        error: { message: expect.stringMatching(hint) },
      });
      expect(noticed).toEqual([expect.stringContaining(path), expect.stringContaining(path)]);
    },
  );

  it.each(["/", "/ws", "/sse", "/nowhere", "/apiary", "/application"])("is not guessed of %s", (path) => {
    expect(pathHint(path)).toBeUndefined();
  });

  it.each([
    ["/ws?channel=news", 400, /`channel` is not read: write `\?channels=news`/],
    ["/ws?topic=a&format=raw", 400, /`topic` is not read/],
    ["/ws?channels[]=a", 400, /`channels\[\]` is not read/],
  ])("so is a parameter that stands for `channels`: %s", (url, status, message) => {
    const noticed: string[] = [];
    const policy = {
      mayComeFrom: () => true,
      maxChannels: 9,
      tokenInUrl: false,
      notice: (_path: string, said: string) => void noticed.push(said),
    };
    const headers = {
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    };
    expect(decideUpgrade({ method: "GET", url, headers }, policy)).toMatchObject({
      status,
      error: { message: expect.stringMatching(message) },
    });
    expect(noticed).toEqual([expect.stringMatching(message)]);
    // With `channels` beside it, it is a parameter of the page's own.
    expect(decideUpgrade({ method: "GET", url: `${url}&channels=b`, headers }, policy).kind).toBe("accept");
  });
});
