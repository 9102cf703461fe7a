/**
 * docs/protocol.md against the code: its examples decode, its numbers are those of the tables, its links lead
 * somewhere.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { BACKOFF_DEFAULTS, backoffDelay } from "./backoff.js";
import { toBase64 } from "./base64.js";
import { disconnects, errors, mayReconnect } from "./codes.js";
import type { Data } from "./data.js";
import { decodeCommands } from "./decode-command.js";
import { decodeFrames } from "./decode-push.js";
import { encodeCommand, encodeError, PING } from "./encode.js";
import type { Command } from "./frame.js";
import * as limits from "./limits.js";
import { ownerOf } from "./session-id.js";

const text = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8");

interface Block {
  readonly from: string;
  readonly frames: readonly string[];
}

const blocks: readonly Block[] = [...text.matchAll(/^```json (\w+)\n([\s\S]*?)\n```$/gm)].map(
  ([, from = "", body = ""]) => ({ from, frames: body.split("\n") }),
);
const frames = (from: string) =>
  blocks.filter((block) => block.from === from).flatMap((block) => block.frames);
/** The section under a heading, up to the next one of any level. */
const section = (heading: string) => text.split(`\n${heading}\n`)[1]?.split(/\n##+ /)[0] ?? "";

/** Data as a command says it. */
const saidOf = (data: Data): object =>
  typeof data === "string" ? { data: JSON.parse(data) as unknown } : { data: toBase64(data), bytes: true };

const errorRows: ReadonlyMap<number, unknown> = new Map(Object.values(errors).map((row) => [row.code, row]));
const names = new Set([...Object.values(errors), ...Object.values(disconnects)].map(({ name }) => name));

describe("docs/protocol.md", () => {
  it("marks every block of frames with its sender", () => {
    expect(blocks.length).toBeGreaterThan(20);
    expect(blocks.length).toBe(text.match(/^```json/gm)?.length);
    for (const { from } of blocks) expect(["client", "server"]).toContain(from);
  });

  it.each(frames("client"))("has a client say %s", (frame) => {
    const decoded = decodeCommands(frame);
    expect(decoded).toHaveLength(1);
    const [one] = decoded;
    if (one?.kind === "command") {
      const { body } = one.command;
      const said = "data" in body ? { ...body, ...saidOf(body.data) } : body;
      expect(encodeCommand({ ...one.command, body: said } as Command)).toBe(frame);
    } else if (one?.kind === "ping") expect(frame).toBe(PING);
    // The one example of a mistake that decoding finds.
    else expect(one).toMatchObject({ kind: "invalid", id: 3, error: { code: errors.badChannel.code } });
  });

  it.each(frames("server"))("has a server say %s", (frame) => {
    const [one, ...more] = decodeFrames(frame);
    expect(more).toEqual([]);
    expect(one?.kind).not.toBe("malformed");
    if (one?.kind === "error") {
      expect(one.error).toEqual(errorRows.get(one.error.code));
      expect(encodeError(one.id, one.error)).toBe(frame);
    }
    if (one?.kind === "push" && one.op === "disconnect") {
      const { code, reconnect } = one.body as { code: number; reconnect: boolean };
      expect(Object.values(disconnects).map((row) => row.code)).toContain(code);
      expect(reconnect).toBe(mayReconnect(code));
    }
  });

  it("answers in each reply the command of the block before it, with its own operation or an error", () => {
    for (const [index, { from, frames }] of blocks.entries()) {
      if (from !== "server") continue;
      const asked = decodeCommands(blocks[index - 1]?.frames.join("\n") ?? "");
      for (const frame of decodeFrames(frames.join("\n"))) {
        if (frame.kind !== "reply" && frame.kind !== "error") continue;
        const command = asked.find(
          (one) => (one.kind === "command" ? one.command.id : one.kind === "invalid" && one.id) === frame.id,
        );
        expect(command).toBeDefined();
        if (frame.kind === "reply") expect(command).toMatchObject({ command: { op: frame.op } });
      }
    }
  });

  it("shows every command and every push that there is", () => {
    const said = frames("client").flatMap(decodeCommands);
    const ops = new Set(said.map((one) => (one.kind === "command" ? one.command.op : one.kind)));
    expect(ops).toEqual(
      new Set([
        "connect",
        "subscribe",
        "unsubscribe",
        "publish",
        "history",
        "refresh",
        "presence",
        "send",
        "ping",
        "invalid",
      ]),
    );
    const heard = frames("server").flatMap(decodeFrames);
    const pushes = new Set(heard.flatMap((one) => (one.kind === "push" ? [one.op] : [])));
    const table = [...section("## 4. Pushes").matchAll(/^\| `(\w+)` \|/gm)].map(([, op]) => op);
    expect(pushes).toEqual(new Set(table));
  });

  it("uses session ids that are some", () => {
    const sids = [...text.matchAll(/"sid":"([^"]*)"|\?sid=([\w-]*)/g)].map(
      ([, one, other]) => one ?? other ?? "",
    );
    expect(sids.length).toBeGreaterThan(3);
    for (const sid of sids) expect(ownerOf(sid)).toBeDefined();
  });

  it("names only errors and disconnects that are in the tables", () => {
    const lists = [...text.matchAll(/Errors: ([\s\S]*?)\n\n/g)];
    expect(lists).toHaveLength(8);
    const others = ["presence", "joinLeave", "off", "subs", "unsubscribe", "demo", "since", "events"];
    const named = lists.flatMap(([, list = ""]) => [...list.matchAll(/`([a-z_]+)`/g)]);
    const ended = [...text.matchAll(/(?:disconnected with|disconnects with|answered with) `(\w+)`/g)];
    for (const [, name = ""] of [...named, ...ended]) expect([...names, ...others]).toContain(name);
  });

  it("says for each disconnect whether it is sent or reserved", () => {
    const sent = section("## 7. Endings");
    const reserved = section("## 13. Reserved for later versions");
    for (const { name } of Object.values(disconnects)) {
      expect(`${name}: ${sent.includes(`\`${name}\``) || reserved.includes(`\`${name}\``)}`).toBe(
        `${name}: true`,
      );
    }
  });

  it("has the numbers of limits.ts and of the backoff", () => {
    const table = section("## 6. Limits");
    expect(table).toContain(
      `| frames in one message to the server | ${limits.MAX_COMMANDS_PER_MESSAGE}, at least one, and `,
    );
    expect(table).toContain(`| nesting of objects and arrays in a frame | ${limits.MAX_DEPTH} |`);
    expect(table).toContain(`| a channel's name | ${limits.MAX_CHANNEL_BYTES} bytes`);
    expect(table).toContain(`| a token | ${limits.MAX_TOKEN_LENGTH} characters |`);
    expect(table).toContain(`| a resume token | ${limits.MAX_RESUME_TOKEN_LENGTH} characters |`);
    expect(table).toContain(`| a key of a publication | ${limits.MAX_KEY_LENGTH} characters |`);
    expect(table).toContain(`| \`limit\` of \`history\` | ${limits.MAX_HISTORY_LIMIT} |`);
    expect(table).toContain(`| \`limit\` of \`presence\` | ${limits.MAX_PRESENCE_LIMIT} |`);
    expect(text).toContain(`string, 1–${limits.MAX_CURSOR_LENGTH} characters`);
    expect(text).toContain(`integer, 0–${limits.MAX_HISTORY_LIMIT}`);
    expect(table).toContain(`default ${limits.MAX_CHANNELS_DEFAULT} |`);
    const [, most = "", least = ""] = /min\(([\d,]+) ms, (\d+) ms × 2\^n\)/.exec(text) ?? [];
    expect(Number(most.replace(",", ""))).toBe(BACKOFF_DEFAULTS.maxDelayMs);
    expect(Number(least)).toBe(BACKOFF_DEFAULTS.minDelayMs);
    expect(text).toContain(`has lasted ${BACKOFF_DEFAULTS.stableAfterMs / 1000} s`);
    expect(backoffDelay(1, 0.5, 87)).toBe(87 + 0.5 * Math.min(20_000, 500 * 2 ** 1));
  });

  it("links to headings that exist", () => {
    const anchors = new Set(
      [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
        title
          .toLowerCase()
          .replaceAll(/[^\w\- ]/g, "")
          .replaceAll(" ", "-"),
      ),
    );
    for (const [, anchor] of text.matchAll(/\]\(#([^)]*)\)/g)) expect(anchors).toContain(anchor);
  });
});
