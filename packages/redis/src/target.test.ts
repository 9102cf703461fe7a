import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { describeTarget, parseRedisUrl, type RedisAccess, type RedisTarget } from "./target.js";

const local = { host: "127.0.0.1", port: 6379 };

describe("a Redis URL", () => {
  test.each<[string, RedisTarget]>([
    ["redis://127.0.0.1", { kind: "single", tls: false, address: local, db: 0 }],
    ["redis://127.0.0.1:6379/", { kind: "single", tls: false, address: local, db: 0 }],
    ["rediss://r.example:1/3", { kind: "single", tls: true, address: { host: "r.example", port: 1 }, db: 3 }],
    ["redis://[::1]:7", { kind: "single", tls: false, address: { host: "::1", port: 7 }, db: 0 }],
    ["redis://redis_1", { kind: "single", tls: false, address: { host: "redis_1", port: 6379 }, db: 0 }],
    [
      "redis://:p%40s%2Fs@127.0.0.1",
      { kind: "single", tls: false, password: "p@s/s", address: local, db: 0 },
    ],
    [
      "redis://u:p:q@127.0.0.1",
      { kind: "single", tls: false, username: "u", password: "p:q", address: local, db: 0 },
    ],
    ["redis://u@127.0.0.1", { kind: "single", tls: false, username: "u", address: local, db: 0 }],
    [
      "redis+sentinel://:pw@s1,s2:7/my%20master/2?sentinelPassword=a%26b",
      {
        kind: "sentinel",
        tls: false,
        password: "pw",
        sentinels: [
          { host: "s1", port: 26379 },
          { host: "s2", port: 7 },
        ],
        master: "my master",
        db: 2,
        sentinelPassword: "a&b",
      },
    ],
    [
      "rediss+cluster://127.0.0.1,h2:7000",
      { kind: "cluster", tls: true, nodes: [local, { host: "h2", port: 7000 }] },
    ],
  ])("%s", (text, target) => {
    expect(parseRedisUrl(text)).toEqual(target);
  });

  test.each<[string, RegExp]>([
    ["", /must read/],
    ["localhost:6379", /must read/],
    ["http://h", /must read/],
    ["REDIS://h", /must read/],
    ["redis://", /must have hosts/],
    ["redis://h:0", /port/],
    ["redis://h:65536", /port/],
    ["redis://h:6379x", /must have hosts/],
    ["redis://h ost", /must have hosts/],
    ["redis://a,b", /several hosts/],
    ["redis://a,,b", /must have hosts/],
    ["redis://h/x", /database number/],
    ["redis://h/1/2", /database number/],
    ["redis://h/-1", /database number/],
    ["redis://h?db=1", /query/],
    ["redis://a%zz@h", /percent-encoded/],
    ["redis://user:pa/ss@h", /must/],
    ["redis+sentinel://h", /name the master/],
    ["redis+sentinel://h/", /name the master/],
    ["redis+sentinel://h/m/x", /database number/],
    ["redis+sentinel://h/m?x=1", /query/],
    ["redis+cluster://h/1", /only one/],
    [`redis+cluster://${Array(65).fill("h").join()}`, /more than 64/],
  ])("%s is refused", (text, problem) => {
    expect(parseRedisUrl(text)).toEqual({ problem: expect.stringMatching(problem) });
  });

  test("any text is read without throwing", () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom("redis://", "rediss+cluster://", "@", ":", "/", ",", "%", "?", "[", "]"),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const target = parseRedisUrl(pieces.join(""));
        if (!("problem" in target)) describeTarget(target);
      }),
    );
  });

  test("what describes a target is a URL of the same place, without the passwords", () => {
    fc.assert(
      fc.property(anyTarget(), (target) => {
        const described = describeTarget(target);
        expect(described).not.toContain("@");
        const { username: _, password: __, ...place } = target;
        expect(parseRedisUrl(described)).toEqual("sentinelPassword" in place ? without(place) : place);
      }),
    );
  });

  test("any user and password can be percent-encoded", () => {
    const text = fc.string({ minLength: 1, unit: "grapheme" });
    fc.assert(
      fc.property(text, text, (username, password) => {
        const url = `redis://${encodeURIComponent(username)}:${encodeURIComponent(password)}@h`;
        expect(parseRedisUrl(url)).toMatchObject({ username, password });
      }),
    );
  });

  test("a problem never repeats a password, wherever it was put", () => {
    const secret = "hunter2secret";
    const broken = [
      `redis://:${secret}@`,
      `redis://${secret}`,
      `${secret}@h`,
      `redis://h/${secret}`,
      `redis://h?${secret}`,
    ];
    for (const text of [...broken, `redis://h:${secret}`, `redis+sentinel://h?sentinelPassword=${secret}`]) {
      const parsed = parseRedisUrl(text);
      if ("problem" in parsed) expect(parsed.problem).not.toContain(secret);
    }
  });
});

function without(target: object): object {
  const { sentinelPassword: _, ...rest } = target as { sentinelPassword?: string };
  return rest;
}

function anyTarget(): fc.Arbitrary<RedisTarget> {
  const address = fc.record({
    host: fc.oneof(fc.domain(), fc.ipV4(), fc.constantFrom("::1", "fe80::1")),
    port: fc.integer({ min: 1, max: 65_535 }),
  });
  const addresses = fc.array(address, { minLength: 1, maxLength: 5 });
  const db = fc.nat({ max: 15 });
  const text = fc.string({ minLength: 1, unit: "grapheme" });
  const access: fc.Arbitrary<RedisAccess> = fc.record(
    { tls: fc.boolean(), username: text, password: text },
    { requiredKeys: ["tls"] },
  );
  return fc.oneof(
    fc
      .tuple(access, address, db)
      .map(([a, at, n]): RedisTarget => ({ kind: "single", ...a, address: at, db: n })),
    fc
      .tuple(access, addresses, db, text, text)
      .map(([a, sentinels, n, master, sentinelPassword]): RedisTarget => {
        return { kind: "sentinel", ...a, sentinels, db: n, master, sentinelPassword };
      }),
    fc.tuple(access, addresses).map(([a, nodes]): RedisTarget => ({ kind: "cluster", ...a, nodes })),
  );
}
