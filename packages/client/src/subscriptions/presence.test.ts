import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Member, PresencePage } from "../wire/inbound.js";
import { PresenceTracker } from "./presence.js";

const list = (
  version: number,
  members: readonly Member[],
  more: Partial<PresencePage> = {},
): PresencePage => ({
  version,
  users: members.length,
  sessions: members.length,
  members,
  perSession: undefined,
  next: undefined,
  ...more,
});

const ada = (session: string): Member => ({ session, user: "ada" });

describe("a view of who is there", () => {
  it("groups the sessions of a user, and leaves anonymous ones by themselves", () => {
    const view = new PresenceTracker();
    view.replace(list(7, [ada("1"), { session: "2" }, ada("3"), { session: "4" }]));
    expect(view.current).toEqual({
      version: 7,
      users: 3,
      sessions: 4,
      members: [
        { user: "ada", sessions: [ada("1"), ada("3")] },
        { user: undefined, sessions: [{ session: "2" }] },
        { user: undefined, sessions: [{ session: "4" }] },
      ],
      complete: true,
    });
    expect(view.current).toBe(view.current);
  });

  it("takes the next version only", () => {
    const view = new PresenceTracker();
    expect(view.change("join", ada("1"), 1)).toBe("hole");
    view.replace(list(7, [ada("1")]));
    expect(view.change("leave", ada("1"), 7)).toBe("known");
    expect(view.change("join", { session: "2" }, 9)).toBe("hole");
    expect(view.change("join", { session: "2" }, 8)).toBe("taken");
    expect(view.current).toMatchObject({ version: 8, users: 2, sessions: 2 });
  });

  it("takes a whole user out where users leave, and one session where sessions do", () => {
    for (const perSession of [false, true]) {
      const view = new PresenceTracker();
      view.replace(list(1, [ada("1"), ada("2"), { session: "3" }], { perSession }));
      expect(view.change("leave", ada("2"), 2)).toBe("taken");
      expect(view.current.sessions).toBe(perSession ? 2 : 1);
    }
  });

  it("tells who came and went from one list to the next, users or sessions, but not from nothing", () => {
    for (const [perSession, expected] of [
      [false, ["leave 3", "join 5"]],
      [true, ["leave 1", "leave 3", "join 4", "join 5"]],
    ] as const) {
      const view = new PresenceTracker();
      const told: string[] = [];
      const tell = (kind: string, { session }: Member): unknown => told.push(`${kind} ${session}`);
      view.replace(list(1, [ada("1"), ada("2"), { session: "3" }], { perSession }), tell);
      expect(told).toEqual([]);
      view.doubt();
      view.replace(list(9, [ada("2"), ada("4"), { session: "5" }]), tell);
      expect(told).toEqual(expected);
      view.count({ version: 10, users: 900, sessions: 900 });
      view.replace(list(11, []), tell);
      expect(told).toEqual(expected);
    }
  });

  it("knows the numbers alone where there are too many, until the next list", () => {
    const view = new PresenceTracker();
    view.replace(list(3, [ada("1")], { users: 900, sessions: 1000, next: "more" }));
    expect(view.current).toEqual({ version: 3, users: 900, sessions: 1000, members: [], complete: false });
    view.count({ version: 5, users: 901, sessions: 1001 });
    expect(view.change("join", ada("2"), 6)).toBe("hole");
    view.replace(list(6, [ada("2")]));
    expect(view.current).toMatchObject({ complete: true, users: 1 });
    view.doubt();
    expect(view.current).toEqual({ version: 6, users: 1, sessions: 1, members: [], complete: false });
  });

  it("is who joined and has not left, however changes are lost, repeated and read anew", () => {
    const step = fc.record({
      session: fc.nat(5).map(String),
      fate: fc.constantFrom("sent", "sent", "sent", "lost", "twice"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const truth = new Map<string, Member>();
        const view = new PresenceTracker();
        let version = 0;
        view.replace(list(0, [], { perSession: true }));
        for (const { session, fate } of steps) {
          const member = { session, user: `u${Number(session) % 3}` };
          const kind = truth.delete(session) ? "leave" : "join";
          if (kind === "join") truth.set(session, member);
          version++;
          for (let sent = { sent: 1, lost: 0, twice: 2 }[fate] ?? 0; sent > 0; sent--) {
            if (view.change(kind, member, version) === "hole")
              view.replace(list(version, [...truth.values()]));
          }
          if (view.current.version !== version) continue;
          const sessions = view.current.members.flatMap((each) => each.sessions.map((one) => one.session));
          expect(sessions.sort()).toEqual([...truth.keys()].sort());
          expect(view.current).toMatchObject({
            sessions: truth.size,
            users: new Set([...truth.values()].map(({ user }) => user)).size,
          });
        }
      }),
    );
  });
});
