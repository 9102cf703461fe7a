import { createHmac } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { handshakeRequest } from "./agent/handshake.js";
import { pollRequest } from "./agent/poll-wire.js";
import { streamRequest } from "./agent/stream-wire.js";
import { type TokenSource, tokenOf } from "./tokens.js";

const signed: TokenSource = {
  kind: "signed",
  secret: "a secret of thirty-two characters",
  user: "u{i}-{i%10}",
  issuer: "https://issuer.example",
  audience: undefined,
  expiresS: 2_000_000_000,
};

describe("the token of a connection", () => {
  test("is signed with the secret, and allows that connection's channels", () => {
    const [head = "", claims = "", signature = ""] =
      tokenOf(signed, "news,room:{i%100}", 123)?.split(".") ?? [];
    const read = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString());
    expect(read(head)).toEqual({ alg: "HS256", typ: "JWT" });
    expect(read(claims)).toEqual({
      sub: "u123-3",
      iss: "https://issuer.example",
      exp: 2_000_000_000,
      channels: [
        { match: "news", verbs: ["subscribe", "publish"] },
        { match: "room:23", verbs: ["subscribe", "publish"] },
      ],
    });
    const mac = createHmac("sha256", signed.kind === "signed" ? signed.secret : "");
    expect(signature).toBe(mac.update(`${head}.${claims}`).digest("base64url"));
  });

  test("is the same for all, or none", () => {
    expect(tokenOf({ kind: "one", token: "t" }, "news", 7)).toBe("t");
    expect(tokenOf({ kind: "none" }, "news", 7)).toBeUndefined();
  });

  test("goes into the head of the request on every transport", () => {
    const request = { host: "127.0.0.1", port: 80, path: "/x", channels: "news", token: "t.o.k" };
    for (const text of [
      handshakeRequest("127.0.0.1", 80, "/ws", "t.o.k"),
      streamRequest(request),
      pollRequest(request),
    ]) {
      expect(text).toContain("\r\nAuthorization: Bearer t.o.k\r\n");
      expect(text).toContain("\r\n\r\n");
    }
    expect(streamRequest({ ...request, token: undefined })).not.toContain("Authorization");
  });
});
