import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Member, Roster } from "./slot-array.js";

class Named implements Member {
  slot = -1;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }
}

function rosterOf(count: number): { roster: Roster<Named>; members: Named[] } {
  const roster = new Roster<Named>();
  const members = Array.from({ length: count }, (_, i) => new Named(i));
  for (const member of members) roster.add(member);
  return { roster, members };
}

describe("a roster", () => {
  test("knows its members by their slots", () => {
    const { roster, members } = rosterOf(3);
    expect(roster.size).toBe(3);
    for (const member of members) expect(roster.at(member.slot)).toBe(member);
    expect([...roster]).toEqual(members);
  });

  test("a freed slot goes to the next member", () => {
    const { roster, members } = rosterOf(3);
    const { slot } = members[1]!;
    roster.remove(members[1]!);
    expect(members[1]!.slot).toBe(-1);
    const late = new Named(3);
    roster.add(late);
    expect(late.slot).toBe(slot);
    expect(roster.end).toBe(3);
  });

  test("removing a member twice, or one that never joined, changes nothing", () => {
    const { roster, members } = rosterOf(2);
    roster.remove(members[0]!);
    roster.remove(members[0]!);
    roster.remove(new Named(9));
    expect(roster.size).toBe(1);
    expect([...roster]).toEqual([members[1]]);
  });

  test("forgets all slots when the last member leaves", () => {
    const { roster, members } = rosterOf(3);
    for (const member of members) roster.remove(member);
    expect(roster.end).toBe(0);
    expect(roster.size).toBe(0);
  });

  test("the last member may leave during a walk, and others join before it ends", () => {
    const { roster, members } = rosterOf(1);
    const end = roster.beginWalk();
    roster.remove(members[0]!);
    const late = new Named(1);
    roster.add(late);
    expect(late.slot).toBeGreaterThanOrEqual(end);
    roster.endWalk();
    expect(roster.at(late.slot)).toBe(late);
    expect(roster.size).toBe(1);
    expect(roster.end).toBe(1);
  });

  test("iterating sees everybody while members leave", () => {
    const { roster, members } = rosterOf(5);
    const seen: number[] = [];
    for (const member of roster) {
      seen.push(member.name);
      roster.remove(member);
    }
    expect(seen).toEqual(members.map(({ name }) => name));
  });

  test("does not grow while walks follow each other without a pause and members come and go", () => {
    const { roster, members } = rosterOf(100);
    for (let walk = 0; walk < 500; walk++) {
      roster.beginWalk();
      for (let i = 0; i < 10; i++) {
        roster.remove(members.shift()!);
        const late = new Named(0);
        roster.add(late);
        members.push(late);
      }
      roster.endWalk();
    }
    expect(roster.size).toBe(100);
    expect(roster.end).toBeLessThanOrEqual(110);
  });
});

type Step =
  | { readonly do: "join" | "begin" }
  | { readonly do: "leave"; readonly which: number }
  | { readonly do: "walk"; readonly which: number; readonly slots: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("join" as const) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("leave" as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("begin" as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("walk" as const),
        which: fc.nat(),
        slots: fc.integer({ min: 1, max: 8 }),
      }),
    },
  ),
  { maxLength: 200 },
);

interface ModelWalk {
  slot: number;
  readonly end: number;
  readonly present: ReadonlySet<Named>;
  readonly seen: Named[];
}

test("a walk sees every member that stays exactly once and none that joined after it began, whatever is interleaved", () => {
  fc.assert(
    fc.property(steps, (script) => {
      const roster = new Roster<Named>();
      const members: Named[] = [];
      const walks: ModelWalk[] = [];
      let names = 0;

      const advance = (walk: ModelWalk, slots: number): void => {
        for (let i = 0; i < slots && walk.slot < walk.end; i++) {
          const member = roster.at(walk.slot++);
          if (member !== undefined) walk.seen.push(member);
        }
        if (walk.slot < walk.end) return;
        roster.endWalk();
        walks.splice(walks.indexOf(walk), 1);
        expect(new Set(walk.seen).size).toBe(walk.seen.length);
        for (const seen of walk.seen) expect(walk.present.has(seen)).toBe(true);
        for (const member of walk.present) if (members.includes(member)) expect(walk.seen).toContain(member);
      };

      for (const step of script) {
        switch (step.do) {
          case "join": {
            const member = new Named(names++);
            members.push(member);
            roster.add(member);
            break;
          }
          case "leave": {
            const [member] = members.splice(step.which % Math.max(1, members.length), 1);
            if (member !== undefined) roster.remove(member);
            break;
          }
          case "begin":
            walks.push({ slot: 0, end: roster.beginWalk(), present: new Set(members), seen: [] });
            break;
          case "walk": {
            const walk = walks[step.which % Math.max(1, walks.length)];
            if (walk !== undefined) advance(walk, step.slots);
          }
        }
        expect(roster.size).toBe(members.length);
        for (const member of members) expect(roster.at(member.slot)).toBe(member);
        expect(new Set(roster)).toEqual(new Set(members));
      }
      while (walks[0] !== undefined) advance(walks[0], 1);
    }),
    { numRuns: 300 },
  );
});
