/**
 * The contract of the presence store about reading: pages of a channel's members.
 */
import { expect, test } from "@jest/globals";
import type { PresenceRule } from "../../namespace.js";
import { MAX_PRESENCE_PAGE_BYTES } from "../../presence/store.js";
import { member, type PresenceTest, put, ROOM } from "./presence-world.js";

/** Pages together have every member once, and each is bounded. */
export function pagesHaveEachMemberOnce(use: PresenceTest): void {
  test("pages have every member once", async () => {
    const lease = await use.begin("w.1");
    const names = Array.from({ length: 300 }, (_, i) => `s${String(i).padStart(15, "0")}`);
    for (let i = 0; i < names.length; i += 100)
      await use.change(lease, put(...names.slice(i, i + 100).map((name) => member(name))));
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await use.store().read(ROOM, 70, cursor);
      expect(page.sessions).toBe(300);
      expect(page.members.length).toBeLessThanOrEqual(70);
      found.push(...page.members.map((text) => (JSON.parse(text) as { session: string }).session));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(found.sort()).toEqual(names);
  });

  test("pages end at their bytes, long before their members", async () => {
    const lease = await use.begin("w.1");
    const names = Array.from({ length: 75 }, (_, i) => `s${String(i).padStart(15, "0")}`);
    const quiet: PresenceRule = { joinLeave: "off", maxListed: 0 };
    for (let i = 0; i < names.length; i += 15)
      await use.change(
        lease,
        put(...names.slice(i, i + 15).map((name) => member(name, name, "ü".repeat(9_000)))),
        quiet,
      );
    const found: string[] = [];
    const sizes: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await use.store().read(ROOM, 1000, cursor);
      sizes.push(page.members.reduce((bytes, text) => bytes + Buffer.byteLength(text), 0));
      found.push(...page.members.map((text) => (JSON.parse(text) as { session: string }).session));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(found.sort()).toEqual(names);
    expect(sizes).toHaveLength(2);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_PRESENCE_PAGE_BYTES);
  });
}

/** A cursor comes from a client, so any text is one. */
export function takesAnyCursor(use: PresenceTest): void {
  test("any text is a cursor", async () => {
    const lease = await use.begin("w.1");
    await use.change(lease, put(member("a")));
    for (const cursor of ["", "nonsense", "[", "\n", "-1", "1e999"]) await use.store().read(ROOM, 10, cursor);
  });
}
