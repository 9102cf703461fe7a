import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SlotArray, type Slotted } from "./slot-array.js";

class Named implements Slotted {
  slot = -1;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }
}

function slotsOf(count: number): { slots: SlotArray<Named>; members: Named[] } {
  const slots = new SlotArray<Named>();
  const members = Array.from({ length: count }, (_, i) => new Named(i));
  for (const member of members) slots.add(member);
  return { slots, members };
}

describe("a slot array", () => {
  test("knows its members by their slots", () => {
    const { slots, members } = slotsOf(3);
    expect(slots.size).toBe(3);
    for (const member of members) expect(slots.at(member.slot)).toBe(member);
    expect([...slots]).toEqual(members);
  });

  test("a freed slot goes to the next member", () => {
    const { slots, members } = slotsOf(3);
    const { slot } = members[1]!;
    slots.remove(members[1]!);
    expect(members[1]!.slot).toBe(-1);
    const late = new Named(3);
    slots.add(late);
    expect(late.slot).toBe(slot);
    expect(slots.end).toBe(3);
  });

  test("removing a member twice, or one that never joined, changes nothing", () => {
    const { slots, members } = slotsOf(2);
    slots.remove(members[0]!);
    slots.remove(members[0]!);
    slots.remove(new Named(9));
    expect(slots.size).toBe(1);
    expect([...slots]).toEqual([members[1]]);
  });

  test("forgets all slots when the last member leaves", () => {
    const { slots, members } = slotsOf(3);
    for (const member of members) slots.remove(member);
    expect(slots.end).toBe(0);
    expect(slots.size).toBe(0);
  });

  test("the last member may leave during a walk, and others join before it ends", () => {
    const { slots, members } = slotsOf(1);
    const end = slots.beginWalk();
    slots.remove(members[0]!);
    const late = new Named(1);
    slots.add(late);
    expect(late.slot).toBeGreaterThanOrEqual(end);
    slots.endWalk();
    expect(slots.at(late.slot)).toBe(late);
    expect(slots.size).toBe(1);
    expect(slots.end).toBe(1);
  });

  test("iterating sees every member while others leave", () => {
    const { slots, members } = slotsOf(5);
    const seen: number[] = [];
    for (const member of slots) {
      seen.push(member.name);
      slots.remove(member);
    }
    expect(seen).toEqual(members.map(({ name }) => name));
  });

  test("does not grow while walks follow each other without a pause and members come and go", () => {
    const { slots, members } = slotsOf(100);
    for (let walk = 0; walk < 500; walk++) {
      slots.beginWalk();
      for (let i = 0; i < 10; i++) {
        slots.remove(members.shift()!);
        const late = new Named(0);
        slots.add(late);
        members.push(late);
      }
      slots.endWalk();
    }
    expect(slots.size).toBe(100);
    expect(slots.end).toBeLessThanOrEqual(110);
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
      const slots = new SlotArray<Named>();
      const members: Named[] = [];
      const walks: ModelWalk[] = [];
      let names = 0;

      const advance = (walk: ModelWalk, count: number): void => {
        for (let i = 0; i < count && walk.slot < walk.end; i++) {
          const member = slots.at(walk.slot++);
          if (member !== undefined) walk.seen.push(member);
        }
        if (walk.slot < walk.end) return;
        slots.endWalk();
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
            slots.add(member);
            break;
          }
          case "leave": {
            const [member] = members.splice(step.which % Math.max(1, members.length), 1);
            if (member !== undefined) slots.remove(member);
            break;
          }
          case "begin":
            walks.push({ slot: 0, end: slots.beginWalk(), present: new Set(members), seen: [] });
            break;
          case "walk": {
            const walk = walks[step.which % Math.max(1, walks.length)];
            if (walk !== undefined) advance(walk, step.slots);
          }
        }
        expect(slots.size).toBe(members.length);
        for (const member of members) expect(slots.at(member.slot)).toBe(member);
        expect(new Set(slots)).toEqual(new Set(members));
      }
      while (walks[0] !== undefined) advance(walks[0], 1);
    }),
    { numRuns: 300 },
  );
});
