import { describe, expect, it } from "@jest/globals";
import { Incidents, mergeIncidentCounts, mergeIncidents } from "./incidents.js";

function incidents() {
  let now = 1000;
  const made = new Incidents(() => now++);
  return { made, at: () => now };
}

describe("incidents", () => {
  it("are listed with the newest first, and the same one is counted", () => {
    const { made } = incidents();
    made.note({ kind: "refused", code: "forbidden", session: "s1", user: "ada", channel: "news" });
    made.note({ kind: "gap", code: "expired", channel: "news" });
    made.note({ kind: "refused", code: "forbidden", session: "s1", user: "ada", channel: "news" });
    expect(made.list({ limit: 10 })).toEqual([
      { kind: "refused", code: "forbidden", session: "s1", user: "ada", channel: "news", at: 1002, times: 2 },
      { kind: "gap", code: "expired", channel: "news", at: 1001, times: 1 },
    ]);
  });

  it("of one client and channel include the channel's gaps and no other client", () => {
    const { made } = incidents();
    made.note({ kind: "refused", code: "forbidden", session: "s1", user: "ada", channel: "news" });
    made.note({ kind: "refused", code: "forbidden", session: "s2", user: "bob", channel: "news" });
    made.note({ kind: "gap", code: "expired", channel: "news" });
    made.note({ kind: "gap", code: "expired", channel: "sport" });
    made.note({ kind: "ended", code: "slow", session: "s1", user: "ada" });
    made.note({ kind: "turned-away", code: "origin", message: "https://else.example" });
    const codes = made.list({ user: "ada", channel: "news", limit: 10 }).map(({ kind }) => kind);
    expect(codes).toEqual(["ended", "gap", "refused"]);
  });

  it("of a client beyond twenty replace that client's oldest, not those of others", () => {
    const { made } = incidents();
    made.note({ kind: "refused", code: "forbidden", session: "quiet", channel: "news" });
    for (let each = 0; each < 2000; each++)
      made.note({ kind: "refused", code: "forbidden", session: "loud", channel: `c${each}` });
    expect(made.list({ session: "quiet", limit: 10 })).toHaveLength(1);
    const loud = made.list({ session: "loud", limit: 100 });
    expect(loud).toHaveLength(20);
    expect(loud[0]?.channel).toBe("c1999");
  });

  it("without a client are bounded by their kind: requests from many origins push out no client's", () => {
    const { made } = incidents();
    made.note({ kind: "refused", code: "forbidden", session: "quiet", channel: "news" });
    for (let each = 0; each < 2000; each++)
      made.note({ kind: "turned-away", code: "origin", message: `https://${each}.example` });
    expect(made.list({ session: "quiet", limit: 10 })).toHaveLength(1);
    expect(made.list({ limit: 1000 })).toHaveLength(21);
  });

  it.each([
    ["of one address", (n: number) => ({ session: `s${n}`, address: "203.0.113.9" })],
    ["of one user", (n: number) => ({ session: `s${n}`, user: "loud" })],
  ])("of many sessions %s push out no other's, be it ever so much older", (_what, loud) => {
    const { made } = incidents();
    for (let each = 0; each < 30; each++)
      made.note({ kind: "refused", code: "forbidden", session: `q${each}`, address: `192.0.2.${each}` });
    for (let each = 0; each < 5000; each++)
      made.note({ kind: "refused", code: "limit_rate", ...loud(each), channel: `c${each % 7}` });
    const all = made.list({ limit: 1000 });
    expect(all).toHaveLength(500);
    expect(all.filter(({ session }) => session?.startsWith("q"))).toHaveLength(30);
    expect(made.list({ session: "q0", limit: 10 })[0]).toMatchObject({ address: "192.0.2.0" });
  });

  it("are counted by kind and code as far as they are recent", () => {
    const { made } = incidents();
    made.note({ kind: "ended", code: "expired", session: "old" });
    const since = 1001;
    made.note({ kind: "gap", code: "expired", channel: "news" });
    for (const session of ["a", "b", "b"]) made.note({ kind: "ended", code: "expired", session });
    expect(made.lately(since)).toEqual([
      { kind: "ended", code: "expired", at: 1004, times: 3, entries: 2 },
      { kind: "gap", code: "expired", at: 1001, times: 1, entries: 1 },
    ]);
    expect(mergeIncidentCounts([made.lately(since), made.lately(since)])[0]).toMatchObject({
      times: 6,
      entries: 4,
    });
  });

  it("are at most five hundred, with texts of bounded length", () => {
    const { made } = incidents();
    for (let each = 0; each < 700; each++)
      made.note({ kind: "ended", code: "slow", session: `s${each}`, message: "x".repeat(10_000) });
    const all = made.list({ limit: 1000 });
    expect(all).toHaveLength(500);
    expect(all.at(-1)?.session).toBe("s200");
    expect(Math.max(...all.map(({ message = "" }) => message.length))).toBe(201);
  });

  it("of several workers are merged by time", () => {
    const [a, b] = [incidents(), incidents()];
    a.made.note({ kind: "ended", code: "slow", session: "a" });
    b.made.note({ kind: "ended", code: "slow", session: "b0" });
    b.made.note({ kind: "ended", code: "slow", session: "b1" });
    const merged = mergeIncidents([a.made.list({ limit: 5 }), b.made.list({ limit: 5 })], 2);
    expect(merged.map(({ session }) => session)).toEqual(["b1", "a"]);
  });
});
