import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Namespaces } from "../namespace.js";
import { CORE_DEFAULTS } from "../options.js";
import { Access, type AccessMode } from "./access.js";
import { ANONYMOUS, type Identity, VERBS, type Verb, withGrant, withoutGrant } from "./identity.js";

const NAMESPACES = new Namespaces(
  {
    open: { public: true, clientPublish: true },
    board: { public: true },
    chat: { clientPublish: true },
    user: { public: true },
  },
  CORE_DEFAULTS,
);
const OPEN = new Access("open", NAMESPACES);
const PRIVATE = new Access("private", NAMESPACES);

const ADA: Identity = { user: "ada" };

function verbsOf(access: Access, identity: Identity, channel: string): readonly Verb[] {
  return VERBS.filter((verb) => access.may(identity, channel, verb));
}

describe("an open gateway", () => {
  test.each<[string, readonly Verb[]]>([
    ["news", ["subscribe", "presence", "history"]],
    ["chat:1", VERBS],
    ["user:ada", []],
  ])("lets everybody have %s with %j", (channel, verbs) => {
    expect(new Set(verbsOf(OPEN, ANONYMOUS, channel))).toEqual(new Set(verbs));
  });
});

describe("a private gateway", () => {
  test.each<[string, Identity, string, readonly Verb[]]>([
    ["nothing by itself", ADA, "news", []],
    ["nothing for clientPublish alone", ADA, "chat:1", []],
    ["what is public, to read", ANONYMOUS, "board:1", ["subscribe", "presence", "history"]],
    ["what is public, to publish where clients may", ANONYMOUS, "open:1", VERBS],
    ["a user's own channel, to read", ADA, "user:ada", ["subscribe", "presence", "history"]],
    ["another's channel not, although its namespace is public", ADA, "user:bob", []],
    [
      "what a pattern says",
      { ...ADA, permissions: [{ match: "room:*", verbs: ["publish", "history"] }] },
      "room:1",
      ["publish", "history"],
    ],
    [
      "what several patterns say together",
      {
        ...ADA,
        permissions: [
          { match: "room:*", verbs: ["publish"] },
          { match: "room:1", verbs: ["subscribe"] },
        ],
      },
      "room:1",
      ["publish", "subscribe"],
    ],
    [
      "another's channel not, whatever the pattern",
      { ...ADA, permissions: [{ match: "user:*", verbs: VERBS }] },
      "user:bob",
      [],
    ],
    [
      "one's own to publish, by a pattern",
      { ...ADA, permissions: [{ match: "user:*", verbs: ["publish"] }] },
      "user:ada",
      VERBS,
    ],
    ["a server-side subscription", { ...ADA, subs: ["news"] }, "news", ["subscribe"]],
    ["another's channel not, by a server-side subscription", { ...ADA, subs: ["user:bob"] }, "user:bob", []],
    [
      "what is granted",
      withGrant(ADA, { channel: "news", verbs: ["subscribe", "presence"] }),
      "news",
      ["subscribe", "presence"],
    ],
    ["nothing beside what is granted", withGrant(ADA, { channel: "news", verbs: VERBS }), "news2", []],
    [
      "another's channel not, by a grant",
      withGrant(ADA, { channel: "user:bob", verbs: VERBS }),
      "user:bob",
      [],
    ],
  ])("gives %s", (_, identity, channel, verbs) => {
    expect(new Set(verbsOf(PRIVATE, identity, channel))).toEqual(new Set(verbs));
  });
});

describe("whatever was claimed", () => {
  const channel = fc.constantFrom(
    "news",
    "room:1",
    "user:ada",
    "user:bob",
    "user:ad",
    "user:ada:1",
    "User:bob",
    "user：bob",
  );
  const verbs = fc.subarray([...VERBS]);
  const identity: fc.Arbitrary<Identity> = fc.record({
    user: fc.constantFrom(undefined, "ada", "ad", "a"),
    permissions: fc.array(
      fc.record({ match: fc.constantFrom("*", "user:*", "user:b*", "user:bob", "room:*", "news"), verbs }),
    ),
    subs: fc.array(channel),
    grants: fc.array(fc.record({ channel, verbs })),
  });
  const mode = fc.constantFrom<AccessMode>("open", "private");

  test("no client has a verb on another user's channel", () => {
    fc.assert(
      fc.property(mode, identity, channel, fc.constantFrom(...VERBS), (mode, identity, channel, verb) => {
        if (!channel.startsWith("user:") || channel === `user:${identity.user}`) return;
        expect(new Access(mode, NAMESPACES).may(identity, channel, verb)).toBe(false);
      }),
    );
  });

  test("in an open gateway it changes nothing", () => {
    fc.assert(
      fc.property(identity, channel, fc.constantFrom(...VERBS), (identity, channel, verb) => {
        expect(OPEN.may(identity, channel, verb)).toBe(OPEN.may({ user: identity.user }, channel, verb));
      }),
    );
  });

  test("names of Object's own mean nothing", () => {
    for (const channel of ["__proto__", "constructor:1", "__proto__:toString"])
      expect(verbsOf(PRIVATE, ADA, channel)).toEqual([]);
  });
});

describe("a grant", () => {
  test("takes the place of the one before, and goes without a trace", () => {
    const once = withGrant(ADA, { channel: "news", verbs: ["subscribe"], expiresAt: 1 });
    const twice = withGrant(once, { channel: "news", verbs: ["history"], expiresAt: 2 });
    expect(twice.grants).toEqual([{ channel: "news", verbs: ["history"], expiresAt: 2 }]);
    expect(withoutGrant(twice, "news").grants).toBeUndefined();
    expect(withoutGrant(twice, "other")).toBe(twice);
  });
});
