import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { HeardNews, HeardStep, MembersPage } from "./store.js";
import { PresenceView, type ToldChange, type ViewRule } from "./view.js";

const MAX_LISTED = 4;

function text(session: string, user?: string): string {
  return JSON.stringify({ ...(user !== undefined && { user }), session });
}

/** A channel as a store has it: the truth, and the news of each change. */
class Channel {
  readonly news: HeardNews[] = [];
  readonly #rule: ViewRule;
  readonly #members = new Map<string, string | undefined>();
  #sequence = 1000;
  #version = 1000;

  constructor(rule: ViewRule) {
    this.#rule = rule;
  }

  /** Joins or leaves, whichever is possible; several make one piece of news. */
  change(...sessions: readonly string[]): void {
    const steps: HeardStep[] = [];
    for (const session of sessions) {
      const user = session.startsWith("anonymous") ? undefined : session.slice(0, 1);
      const came = !this.#members.has(session);
      const known = this.#sessionsOf(user);
      if (came) this.#members.set(session, user);
      else this.#members.delete(session);
      const edge = user === undefined || (came ? known === 0 : known === 1);
      const told = edge || this.#rule.joinLeave !== "user";
      this.#sequence++;
      if (told) this.#version++;
      steps.push([came ? 1 : 0, told ? 1 : 0, { session, text: text(session, user) }]);
    }
    this.news.push({ ...this.numbers, ...(this.#members.size <= this.#rule.maxListed && { steps }) });
  }

  /** All members are gone, and the numbers begin anew, by default above. */
  lose(by = 1_000_000): void {
    this.#members.clear();
    this.#sequence += by;
    this.#version += by;
  }

  get numbers() {
    const users = new Set([...this.#members].map(([session, user]) => user ?? `anonymous ${session}`));
    return {
      sequence: this.#sequence,
      version: this.#version,
      users: users.size,
      sessions: this.#members.size,
    };
  }

  page(): MembersPage {
    const members = [...this.#members].map(([session, user]) => text(session, user));
    return { ...this.numbers, members: members.slice(0, this.#rule.maxListed) };
  }

  /** As clients of the namespace tell them apart. */
  names(): string[] {
    return namesOf(this.#rule, this.page().members);
  }

  #sessionsOf(user: string | undefined): number {
    return [...this.#members.values()].filter((other) => other === user).length;
  }
}

function nameOf({ joinLeave }: ViewRule, member: string): string {
  const { user, session } = JSON.parse(member) as { user?: string; session: string };
  return joinLeave === "user" ? (user ?? session) : session;
}

function namesOf(rule: ViewRule, members: readonly string[]): string[] {
  return [...new Set(members.map((member) => nameOf(rule, member)))].sort();
}

/** A client by the protocol's rule; it reads again by the view's own snapshot. */
class Follower {
  rereads = 0;
  #names: Set<string>;
  #version: number;
  readonly #rule: ViewRule;

  constructor(rule: ViewRule, members: readonly string[], version: number) {
    this.#rule = rule;
    this.#names = new Set(namesOf(rule, members));
    this.#version = version;
  }

  /** False when it has to read again. */
  hear({ came, member, version }: ToldChange): boolean {
    if (version <= this.#version) return true;
    if (version !== this.#version + 1) return false;
    const name = nameOf(this.#rule, member);
    if (this.#names.has(name) === came) throw new Error(`${name} ${came ? "joins" : "leaves"} twice`);
    if (came) this.#names.add(name);
    else this.#names.delete(name);
    this.#version = version;
    return true;
  }

  read(members: readonly string[], version: number): void {
    this.rereads++;
    this.#names = new Set(namesOf(this.#rule, members));
    this.#version = version;
  }

  get names(): string[] {
    return [...this.#names].sort();
  }
}

describe("a view", () => {
  const RULE: ViewRule = { joinLeave: "session", maxListed: MAX_LISTED };

  it("begins with the page, and tells no client what was before it", () => {
    const channel = new Channel(RULE);
    channel.change("a1");
    channel.change("b1");
    const view = new PresenceView(RULE);
    expect(view.snapshot).toBeUndefined();
    expect(view.arrive(channel.news[1] as HeardNews)).toEqual({ told: [], behind: false });
    expect(view.accept(channel.page())).toEqual({ told: [], behind: false });
    expect(view.snapshot).toMatchObject({ sessions: 2, version: channel.numbers.version });
  });

  it("goes on from the page with what came meanwhile", () => {
    const channel = new Channel(RULE);
    channel.change("a1");
    const page = channel.page();
    channel.change("b1");
    const view = new PresenceView(RULE);
    view.arrive(channel.news[0] as HeardNews);
    view.arrive(channel.news[1] as HeardNews);
    expect(view.accept(page).told).toMatchObject([{ came: true, version: page.version + 1 }]);
    expect(view.snapshot?.members).toHaveLength(2);
  });

  it("says that it is behind where something is missing, once, and tells the difference with versions that fit", () => {
    const channel = new Channel(RULE);
    const view = new PresenceView(RULE);
    view.accept(channel.page());
    for (const session of ["a1", "b1", "c1"]) channel.change(session);
    expect(view.arrive(channel.news[2] as HeardNews).behind).toBe(true);
    expect(view.arrive(channel.news[1] as HeardNews).behind).toBe(false);
    const { told, behind } = view.accept(channel.page());
    expect(behind).toBe(false);
    expect(told.map(({ version }) => version)).toEqual([1001, 1002, 1003]);
  });

  it("reads once more when it could not hold all that came", () => {
    const channel = new Channel(RULE);
    const view = new PresenceView(RULE);
    for (let i = 0; i < 5000; i++) channel.change("a1");
    for (const news of channel.news) view.arrive(news);
    expect(view.accept(channel.page()).behind).toBe(true);
    expect(view.accept(channel.page()).behind).toBe(false);
  });

  it("reads once more where a channel begins anew below what it had: the store's clock was set back", () => {
    const channel = new Channel(RULE);
    const view = new PresenceView(RULE);
    channel.change("a1");
    view.accept(channel.page());
    channel.lose(-60_000_000);
    channel.change("b1");
    expect(view.arrive(channel.news.at(-1) as HeardNews)).toEqual({ told: [], behind: true });
    expect(view.accept(channel.page())).toMatchObject({ behind: false });
    expect(view.snapshot?.members).toEqual([text("b1", "b")]);
    channel.change("c1");
    expect(view.arrive(channel.news.at(-1) as HeardNews).told).toMatchObject([{ came: true }]);
    // The page may be older than the news that came meanwhile.
    view.doubt();
    const old = channel.page();
    channel.lose(-60_000_000);
    channel.change("d1");
    view.arrive(channel.news.at(-1) as HeardNews);
    expect(view.accept(old).behind).toBe(true);
    expect(view.accept(channel.page()).behind).toBe(false);
    expect(view.snapshot?.members).toEqual([text("d1", "d")]);
  });

  it("counts where there are too many, and lists again when there are few", () => {
    const channel = new Channel(RULE);
    const view = new PresenceView(RULE);
    view.accept(channel.page());
    for (const session of ["a1", "b1", "c1", "d1", "e1"]) channel.change(session);
    for (const news of channel.news.splice(0)) view.arrive(news);
    expect(view.state).toBe("counting");
    expect(view.snapshot).toMatchObject({ sessions: 5, members: [] });
    channel.change("e1");
    // As many as may be listed: not yet, or one who comes and goes would cost a read each time.
    expect(view.arrive(channel.news[0] as HeardNews)).toEqual({ told: [], behind: false });
    channel.change("d1");
    expect(view.arrive(channel.news[1] as HeardNews)).toEqual({ told: [], behind: true });
    view.accept(channel.page());
    expect(view.snapshot).toMatchObject({ sessions: 3 });
    expect(view.snapshot?.members).toHaveLength(3);
  });

  const session = fc.constantFrom("a1", "a2", "a3", "b1", "b2", "c1", "anonymous1", "anonymous2");
  const event = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        what: fc.constant("change" as const),
        sessions: fc.array(session, { minLength: 1, maxLength: 3 }),
      }),
    },
    { weight: 6, arbitrary: fc.record({ what: fc.constant("deliver" as const) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant("drop" as const) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant("read" as const) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant("outage" as const), loses: fc.boolean() }) },
  );

  it.each(["session", "user"] as const)(
    "whatever pub/sub loses, who follows by the rule is right in the end (%s)",
    (joinLeave) => {
      fc.assert(
        fc.property(fc.array(event, { maxLength: 60 }), (events) => {
          const rule: ViewRule = { joinLeave, maxListed: MAX_LISTED };
          const channel = new Channel(rule);
          const view = new PresenceView(rule);
          view.accept(channel.page());
          const follower = new Follower(rule, [], channel.numbers.version);
          const hear = (told: readonly ToldChange[]): void => {
            for (const each of told) {
              if (follower.hear(each)) continue;
              const { snapshot } = view;
              // It is answered after all that was told with this.
              if (snapshot !== undefined) return follower.read(snapshot.members, snapshot.version);
            }
          };
          const read = (): void => {
            while (view.state === "reading") hear(view.accept(channel.page()).told);
          };
          for (const each of events) {
            if (each.what === "change") channel.change(...each.sessions);
            else if (each.what === "drop") channel.news.shift();
            else if (each.what === "read") read();
            else if (each.what === "outage") {
              if (each.loses) {
                channel.lose();
                channel.news.length = 0;
              }
              view.doubt();
            } else {
              const news = channel.news.shift();
              if (news !== undefined) hear(view.arrive(news).told);
            }
          }
          for (const news of channel.news.splice(0)) hear(view.arrive(news).told);
          view.doubt();
          read();
          const { numbers } = channel;
          expect(view.counts).toEqual({
            version: numbers.version,
            users: numbers.users,
            sessions: numbers.sessions,
          });
          if (numbers.sessions > MAX_LISTED) return;
          expect(namesOf(rule, view.snapshot?.members ?? [])).toEqual(channel.names());
          // One more change shows a follower whether it has missed something.
          channel.change("z1");
          hear(view.arrive(channel.news[0] as HeardNews).told);
          if (channel.numbers.sessions <= MAX_LISTED) expect(follower.names).toEqual(channel.names());
        }),
        { numRuns: 500 },
      );
    },
  );
});

describe("a page that has no room for all members", () => {
  it("makes the view count, and read again only when there are fewer than were shown", () => {
    const view = new PresenceView({ joinLeave: "session", maxListed: 100 });
    const members = Array.from({ length: 20 }, (_, n) => text(`u-${n}`, "u"));
    const numbers = { version: 5, users: 1 };
    expect(view.accept({ ...numbers, sequence: 50, sessions: 40, members })).toEqual({
      told: [],
      behind: false,
    });
    expect([view.state, view.snapshot?.members]).toEqual(["counting", []]);
    expect(view.arrive({ ...numbers, sequence: 51, sessions: 39 }).behind).toBe(false);
    expect(view.arrive({ ...numbers, sequence: 72, sessions: 18 }).behind).toBe(true);
    view.accept({ ...numbers, sequence: 72, sessions: 18, members: members.slice(0, 18) });
    expect(view.snapshot?.members).toHaveLength(18);
  });
});
