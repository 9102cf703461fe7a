/**
 * Siblings over real Unix sockets, on a broker that is a set of topics.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BROADCAST,
  CONTROL,
  channelTopic,
  noMetrics,
  type OwnSubscriptions,
  type SharedLink,
  silentLogger,
  systemClock,
  type Topic,
} from "@holdfast/core";
import { ownerPrefix } from "@holdfast/protocol";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { FRAME, FRAMES_VERSION, FrameReader, frame } from "./frames.js";
import { Siblings } from "./siblings.js";

const TOPICS = Array.from({ length: 20 }, (_, i) => channelTopic(`room:${i}`));

async function until(what: string, check: () => boolean): Promise<void> {
  const since = performance.now();
  while (!check()) {
    if (performance.now() - since > 10_000) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

class Bus {
  readonly members: Member[] = [];

  publish(topic: Topic, text: string): number {
    const hearing = this.members.filter(({ topics }) => topics.has(topic));
    for (const { siblings } of hearing) siblings.payload(topic, Buffer.from(text));
    return hearing.length;
  }
}

class Member {
  readonly owner: { readonly slot: number; readonly generation: number };
  readonly siblings: Siblings;
  /** Subscribed at the broker by this worker. */
  readonly topics = new Set<Topic>();
  readonly heard: string[] = [];
  link: SharedLink;

  constructor(bus: Bus, directory: string, slot: number) {
    this.owner = { slot, generation: 7 };
    this.siblings = new Siblings({
      owner: this.owner,
      directory,
      group: "g",
      clock: systemClock,
      logger: silentLogger,
      metrics: noMetrics,
    });
    this.siblings.start({
      payload: (topic, payload) => this.heard.push(`${topic} ${payload}`),
      skipped: (topic) => this.heard.push(`${topic} skipped`),
    });
    const own: OwnSubscriptions = {
      subscribe: async (topic) => void this.topics.add(topic),
      unsubscribe: async (topic) => void this.topics.delete(topic),
      fence: async (mark) => {
        for (const { siblings } of bus.members) siblings.fence(mark);
      },
      orderOf: () => "",
    };
    this.link = this.siblings.attach(own);
    bus.members.push(this);
  }
}

describe("Siblings", () => {
  let directory: string;
  let bus: Bus;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "siblings-"));
    bus = new Bus();
  });
  afterEach(() => {
    for (const { siblings } of bus.members) siblings.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function join3(): Promise<readonly Member[]> {
    const members = [0, 1, 2].map((slot) => new Member(bus, directory, slot));
    for (const { siblings } of members) await siblings.listen();
    tell(members);
    return members;
  }

  function tell(members: readonly Member[]): void {
    for (const { siblings } of bus.members) siblings.members(members.map(({ owner }) => owner));
  }

  const subscribed = (topic: Topic): number => bus.members.filter(({ topics }) => topics.has(topic)).length;

  async function settled(): Promise<void> {
    await until("each topic is subscribed once", () => TOPICS.every((topic) => subscribed(topic) === 1));
  }

  test("each topic is subscribed once, heard by all in order, and left with its last listener", async () => {
    const members = await join3();
    for (const { link } of members) await link.subscribe(TOPICS);
    await settled();
    expect(members.every(({ topics }) => topics.size > 0)).toBe(true);
    for (const text of ["1", "2", "3"]) for (const topic of TOPICS) bus.publish(topic, text);
    for (const member of members) {
      await until("all is heard", () => member.heard.length === 60);
      for (const topic of TOPICS)
        expect(member.heard.filter((each) => each.startsWith(`${topic} `))).toEqual(
          ["1", "2", "3"].map((text) => `${topic} ${text}`),
        );
    }
    for (const { link } of members) await link.unsubscribe(TOPICS);
    await until("nothing is subscribed", () => members.every(({ topics }) => topics.size === 0));
  });

  test("control stays with each worker", async () => {
    for (const { link } of await join3()) await link.subscribe([CONTROL]);
    expect(subscribed(CONTROL)).toBe(3);
  });

  test("a worker that dies: its topics go on at others, and are told to be in doubt", async () => {
    const members = await join3();
    for (const { link } of members) await link.subscribe([...TOPICS, BROADCAST]);
    await settled();
    const [first, second, third] = members as [Member, Member, Member];
    const gone = TOPICS.filter((topic) => first.topics.has(topic));
    first.siblings.close();
    bus.members.shift();
    first.topics.clear();
    tell([second, third]);
    await settled();
    for (const topic of gone)
      await until("the doubt is told", () => second.heard.includes(`${topic} skipped`));
    for (const topic of TOPICS) bus.publish(topic, "after");
    for (const topic of TOPICS)
      await until("it is heard again", () => third.heard.includes(`${topic} after`));
    const kept = TOPICS.filter((topic) => !gone.includes(topic));
    for (const topic of kept) expect(second.heard).not.toContain(`${topic} skipped`);
  });

  test("a worker that leaves the members is left by its siblings, without a doubt", async () => {
    const members = await join3();
    for (const { link } of members) await link.subscribe(TOPICS);
    await settled();
    const [first, second, third] = members as [Member, Member, Member];
    tell([second, third]);
    await first.siblings.vacated(10_000);
    await settled();
    expect(first.topics.size).toBe(0);
    for (const topic of TOPICS) bus.publish(topic, "after");
    for (const { heard } of members) {
      await until("all is heard", () => heard.length === TOPICS.length);
      expect(heard.some((each) => each.endsWith("skipped"))).toBe(false);
    }
  });

  test.each([
    ["no frame", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["a length beyond the limit", Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ["another version", frame(FRAME.hello, FRAMES_VERSION + 1, "x")],
    ["a request before hello", frame(FRAME.subscribe, 1, "broadcast")],
    [
      "a topic that is none",
      Buffer.concat([frame(FRAME.hello, FRAMES_VERSION, "x"), frame(FRAME.subscribe, 1, "nonsense")]),
    ],
    [
      "a request twice",
      Buffer.concat([
        frame(FRAME.hello, FRAMES_VERSION, "x"),
        frame(FRAME.subscribe, 1, "broadcast"),
        frame(FRAME.subscribe, 1, "broadcast"),
      ]),
    ],
    [
      "a frame of a home",
      Buffer.concat([frame(FRAME.hello, FRAMES_VERSION, "x"), frame(FRAME.confirmed, 1)]),
    ],
  ])("%s ends that connection and nothing else", async (_name, bytes) => {
    const members = await join3();
    for (const { link } of members) await link.subscribe(TOPICS);
    await settled();
    const [first] = members as [Member];
    const socket = connect(join(directory, `${ownerPrefix(first.owner)}.pub`));
    let isClosed = false;
    socket.on("error", () => {});
    socket.on("close", () => {
      isClosed = true;
    });
    socket.resume();
    socket.write(bytes);
    await until("the connection ends", () => isClosed);
    for (const topic of TOPICS) bus.publish(topic, "on");
    for (const { heard } of members) {
      await until("all is heard", () => heard.length === TOPICS.length);
      expect(heard.some((each) => each.endsWith("skipped"))).toBe(false);
    }
    // What it had asked for is over with it.
    await until("nothing is left of it", () => !first.topics.has(BROADCAST));
  });

  test("pongs for a sibling that does not read do not pile up", async () => {
    const [first] = (await join3()) as [Member];
    const pings = 400_000;
    const socket = connect(join(directory, `${ownerPrefix(first.owner)}.pub`));
    socket.pause();
    socket.write(frame(FRAME.hello, FRAMES_VERSION, "x"));
    socket.write(Buffer.concat(new Array<Buffer>(pings).fill(frame(FRAME.ping, 0))));
    socket.write(frame(FRAME.subscribe, 1, BROADCAST));
    await until("all is read", () => first.topics.has(BROADCAST));
    let pongs = 0;
    let isAccepted = false;
    const reader = new FrameReader(1_024, (type) => {
      if (type === FRAME.pong) pongs++;
      if (type === FRAME.accepted) isAccepted = true;
    });
    socket.on("data", (chunk: Buffer) => void reader.read(chunk));
    socket.resume();
    await until("the rest has come", () => isAccepted);
    socket.destroy();
    expect(pongs).toBeLessThan(pings / 2);
  });
});
