import { describe, expect, test } from "@jest/globals";
import { parseScenario } from "./scenario.js";
import { type StepFigures, unmetExpectations } from "./step.js";

const RAMP = { ramp: 100 };

function parse(...steps: readonly unknown[]): ReturnType<typeof parseScenario> {
  return parseScenario(JSON.stringify({ steps }), "s.json");
}

describe("a scenario", () => {
  test("has steps with what is expected of them", () => {
    const text = `{
      "name": "Monday morning", "channels": "room:{i%10}", "transport": "poll", "reopen": true,
      "steps": [
        { "ramp": 500, "rate": 200, "within": "1m", "expect": { "handshakeP99Ms": { "max": 500 } } },
        { "name": "work", "hold": "1.5s", "sendRate": 50, "expect": { "refused": 0 } },
        { "storm": 300 },
        { "drain": "http://10.0.0.5:9080", "within": "2m" }
      ] }`;
    expect(parseScenario(text, "s.json")).toEqual({
      name: "Monday morning",
      channels: "room:{i%10}",
      transport: "poll",
      reopen: true,
      steps: [
        {
          do: "ramp",
          name: "ramp",
          connections: 500,
          rate: 200,
          withinMs: 60_000,
          expect: [{ figure: "handshakeP99Ms", max: 500 }],
        },
        {
          do: "hold",
          name: "work",
          holdMs: 1_500,
          sendRate: 50,
          churnRate: 0,
          broadcasts: 0,
          expect: [{ figure: "refused", min: 0, max: 0 }],
        },
        { do: "storm", name: "storm", connections: 300, withinMs: 60_000, expect: [] },
        { do: "drain", name: "drain", admin: "http://10.0.0.5:9080", withinMs: 120_000, expect: [] },
      ],
    });
  });

  test.each([
    ["{", "s.json: this is no JSON"],
    ["[]", "s.json: the file: must be an object with name, channels, transport, reopen, steps"],
    ['{"steps":[]}', "s.json: steps: must be a list of 1 to 100 steps"],
    ['{"step":[]}', "s.json: the file.step: unknown; there are name"],
    ['{"steps":[{"ramp":1}],"channels":"a b"}', "s.json: channels: "],
    ['{"steps":[{"ramp":1}],"transport":"tcp"}', "s.json: transport: must be one of websocket, sse, poll"],
    ['{"steps":[{"ramp":1}],"reopen":1}', "s.json: reopen: must be true or false"],
  ])("%s is wrong", (text, why) => {
    expect(() => parseScenario(text, "s.json")).toThrow(why);
  });

  test.each([
    [{}, "steps[1]: must have one of ramp, hold, storm, drain, and has none"],
    [{ ramp: 1, hold: "1s" }, "steps[1]: must have one of ramp, hold, storm, drain, and has ramp and hold"],
    [{ ramp: 0 }, "steps[1].ramp: must be a whole number from 1 to 10000000"],
    [{ ramp: "5" }, "steps[1].ramp: must be a whole number"],
    [{ hold: 30 }, "steps[1].hold: must be a duration such as 500ms, 30s or 5m"],
    [{ hold: "30s", rate: 5 }, "steps[1].rate: a hold has sendRate, churnRate, broadcasts"],
    [{ hold: "30s", sendrate: 5 }, "steps[1].sendrate: unknown; there are "],
    [{ storm: 5, within: "soon" }, "steps[1].within: must be a duration"],
    [{ drain: "10.0.0.5" }, "steps[1].drain: must be true, or the URL of an admin port"],
    [{ ...RAMP, expect: { latency: 1 } }, "steps[1].expect.latency: unknown; there are seconds, connected"],
    [{ ...RAMP, expect: { lost: "0" } }, "steps[1].expect.lost: must be a number or an object with min, max"],
    [{ ...RAMP, expect: { lost: {} } }, "steps[1].expect.lost: must have min, max or both"],
    [{ ...RAMP, expect: { lost: { max: "1" } } }, "steps[1].expect.lost.max: must be a number"],
    [{ ...RAMP, expect: { lost: { min: 2, max: 1 } } }, "steps[1].expect.lost: min is 2, and above max"],
  ])("the step %j is wrong, and its place is said", (step, why) => {
    expect(() => parse(RAMP, step)).toThrow(`s.json: ${why}`);
  });

  test("tells all that is wrong at once, and begins with a ramp", () => {
    expect(() => parse({ hold: "x" }, { storm: -1 })).toThrow(
      /steps\[0\]\.hold: .*\n.*steps\[1\]\.storm: .*\n.*steps\[0\]: must be a ramp/,
    );
  });
});

test("an expectation that is not met says what was wanted and what is", () => {
  const figures = { connected: 90, lost: 2, messageP99Ms: null } as unknown as StepFigures;
  const unmet = unmetExpectations(
    "work",
    [
      { figure: "connected", min: 90 },
      { figure: "lost", min: 0, max: 0 },
      { figure: "connected", min: 100, max: 110 },
      { figure: "messageP99Ms", max: 50 },
    ],
    figures,
  );
  expect(unmet).toEqual([
    'step "work": lost is 2, not 0',
    'step "work": connected is 90, not 100 to 110',
    'step "work": messageP99Ms was to be at most 50, and there was none',
  ]);
});
