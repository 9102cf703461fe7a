import { describe, expect, it } from "@jest/globals";
import { type AgentOptions, InstanceAgent } from "./agent.js";
import type { EndNotice } from "./end-notice.js";
import type { HookState } from "./lifecycle-hook.js";
import type { GatewayDrain } from "./local-gateway.js";
import { RecordingLog } from "./testing/recording-log.js";

/** Parts of an agent whose answers a test sets. An `Error` is thrown. */
class Scene {
  notice: EndNotice | undefined | Error;
  drain: GatewayDrain | Error = { name: "drained" };
  hookState: HookState | Error = "waiting";
  completion: "taken" | Error = "taken";
  readonly log = new RecordingLog();
  asked = 0;
  beats = 0;
  completions = 0;
  now = 0;
  readonly agent: InstanceAgent;

  constructor(options: Partial<AgentOptions> = {}) {
    this.agent = new InstanceAgent({
      metadata: {
        instanceId: async () => "i-1",
        region: async () => "eu-north-1",
        notice: async () => orThrow(this.notice),
      },
      gateway: {
        drain: async () => {
          this.asked++;
          return orThrow(this.drain);
        },
      },
      hook: {
        state: async () => orThrow(this.hookState),
        heartbeat: async () => void this.beats++,
        complete: async () => {
          orThrow(this.completion);
          this.completions++;
        },
      },
      log: this.log,
      heartbeatMs: 40_000,
      onRebalance: "log",
      now: () => this.now,
      wallNow: () => this.now,
      ...options,
    });
  }
}

function orThrow<T>(value: T | Error): T {
  if (value instanceof Error) throw value;
  return value;
}

const TERMINATING: EndNotice = { kind: "terminating" };

describe("an agent", () => {
  it("leaves the gateway alone while nothing is said", async () => {
    const scene = new Scene();
    await scene.agent.turn();
    expect([scene.asked, scene.agent.state.name]).toEqual([0, "watching"]);
  });

  it("drains and completes the hook when Auto Scaling terminates the instance", async () => {
    const scene = new Scene();
    scene.notice = TERMINATING;
    await scene.agent.turn();
    expect([scene.asked, scene.completions, scene.agent.state.name]).toEqual([1, 1, "released"]);
  });

  it("does not complete the hook while clients are left", async () => {
    const scene = new Scene();
    scene.notice = TERMINATING;
    scene.drain = { name: "draining", left: 5, deadline: 60_000 };
    for (; scene.now <= 50_000; scene.now += 2_000) await scene.agent.turn();
    expect(scene.completions).toBe(0);
    scene.drain = { name: "drained" };
    await scene.agent.turn();
    expect(scene.completions).toBe(1);
  });

  it("waits with the completion until the group waits for it", async () => {
    const scene = new Scene();
    scene.notice = TERMINATING;
    scene.hookState = "not-yet";
    await scene.agent.turn();
    expect([scene.completions, scene.agent.state.name]).toEqual([0, "releasing"]);
    scene.hookState = "waiting";
    await scene.agent.turn();
    expect([scene.completions, scene.agent.state.name]).toEqual([1, "released"]);
  });

  it("completes again what was refused or throttled", async () => {
    const scene = new Scene();
    scene.notice = TERMINATING;
    scene.completion = new Error("Rate exceeded");
    await scene.agent.turn();
    await scene.agent.turn();
    expect(scene.agent.state.name).toBe("releasing");
    expect(scene.log.lines.filter((line) => line.includes("Rate exceeded"))).toHaveLength(1);
    scene.completion = "taken";
    await scene.agent.turn();
    expect([scene.completions, scene.agent.state.name]).toEqual([1, "released"]);
  });

  it("prolongs the hook at its pace while the gateway drains", async () => {
    const scene = new Scene();
    scene.notice = TERMINATING;
    scene.drain = { name: "draining", left: 5, deadline: 500_000 };
    for (; scene.now < 200_000; scene.now += 2_000) await scene.agent.turn();
    expect(scene.beats).toBe(5);
  });

  it("prolongs the hook also while the gateway does not answer", async () => {
    const scene = new Scene();
    scene.notice = TERMINATING;
    scene.drain = new Error("503");
    await scene.agent.turn();
    expect([scene.beats, scene.agent.state.name]).toEqual([1, "draining"]);
  });

  it("leaves a drain that hangs to the hook's timeout", async () => {
    const scene = new Scene();
    scene.notice = TERMINATING;
    scene.drain = { name: "draining", left: 5, deadline: 60_000 };
    scene.now = 91_000;
    await scene.agent.turn();
    expect([scene.beats, scene.completions]).toEqual([0, 0]);
    expect(scene.log.lines.join()).toContain("no longer prolonged");
  });

  it("takes a gateway that is absent for three turns in a row for ended, and one turn for a restart", async () => {
    const scene = new Scene();
    scene.notice = TERMINATING;
    scene.drain = { name: "absent" };
    await scene.agent.turn();
    await scene.agent.turn();
    scene.drain = { name: "draining", left: 1, deadline: undefined };
    await scene.agent.turn();
    scene.drain = { name: "absent" };
    await scene.agent.turn();
    await scene.agent.turn();
    expect([scene.completions, scene.agent.state.name]).toEqual([0, "draining"]);
    await scene.agent.turn();
    expect([scene.completions, scene.agent.state.name]).toEqual([1, "released"]);
  });

  it("drains for a Spot notice, and completes the hook that comes after it", async () => {
    const scene = new Scene();
    scene.notice = { kind: "spot", at: "2026-03-01T10:00:00Z" };
    await scene.agent.turn();
    expect([scene.asked, scene.completions, scene.agent.state.name]).toEqual([1, 0, "released"]);
    scene.notice = TERMINATING;
    await scene.agent.turn();
    expect([scene.completions, scene.agent.state.name]).toEqual([1, "released"]);
  });

  it.each([
    ["log", 0],
    ["drain", 1],
  ] as const)("does with a rebalance recommendation what it is told: %s", async (onRebalance, asked) => {
    const scene = new Scene({ onRebalance });
    scene.notice = { kind: "rebalance" };
    await scene.agent.turn();
    expect(scene.asked).toBe(asked);
  });

  it("goes on with a drain when the metadata fail, and says that once", async () => {
    const scene = new Scene();
    scene.notice = { kind: "spot", at: "2026-03-01T10:00:00Z" };
    scene.drain = { name: "draining", left: 1, deadline: undefined };
    await scene.agent.turn();
    scene.notice = new Error("no route");
    await scene.agent.turn();
    await scene.agent.turn();
    scene.drain = { name: "drained" };
    await scene.agent.turn();
    expect(scene.agent.state.name).toBe("released");
    expect(scene.log.lines.filter((line) => line.includes("no route"))).toHaveLength(1);
  });
});
