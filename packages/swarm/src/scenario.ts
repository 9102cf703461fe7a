/**
 * The scenario language: a JSON file with the steps of a run, and what is expected of each.
 *
 * Reads text and returns steps; every problem is told at once, each with its path in the file and what may
 * stand there. Invariant: what is returned can be played; an unknown member is a problem, never passed over.
 */
import { checkChannels } from "./channels.js";
import { SwarmProblem } from "./problem.js";
import { MAX_CONNECTIONS } from "./run/steering.js";
import { type Expectation, FIGURE_NAMES, type FigureName, type RunStep } from "./step.js";
import { type RunTransport, TRANSPORTS } from "./transport.js";

export interface Scenario {
  readonly name: string;
  readonly steps: readonly RunStep[];
  /** What the file says of these; undefined: as the command line has it. */
  readonly channels: string | undefined;
  readonly transport: RunTransport | undefined;
  readonly reopen: boolean | undefined;
}

const MAX_STEPS = 100;
const MAX_PROBLEMS = 20;
const MAX_RATE = 100_000;
const MAX_MS = 24 * 3_600_000;
const DEFAULT_WITHIN_MS = 60_000;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const COMMON = ["name", "expect"];
/** Members of a step, by the one that says what it does. */
const STEPS: Readonly<Record<RunStep["do"], readonly string[]>> = {
  ramp: ["ramp", "rate", "within"],
  hold: ["hold", "sendRate", "churnRate", "broadcasts"],
  storm: ["storm", "within"],
  drain: ["drain", "within"],
};

type Values = Readonly<Record<string, unknown>>;

/** `source`: its name in errors. Throws a `SwarmProblem` with every problem. */
export function parseScenario(text: string, source: string): Scenario {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SwarmProblem("wrong", `${source}: this is no JSON: ${(error as Error).message}`);
  }
  const check = new Check();
  const scenario = readScenario(check, value);
  const { problems } = check;
  if (problems.length === 0 && scenario !== undefined) return scenario;
  const shown = problems.slice(0, MAX_PROBLEMS).map((each) => `${source}: ${each}`);
  if (problems.length > MAX_PROBLEMS) shown.push(`and ${problems.length - MAX_PROBLEMS} more problems`);
  throw new SwarmProblem("wrong", shown.join("\n"));
}

function readScenario(check: Check, value: unknown): Scenario | undefined {
  const file = check.object(value, "the file", ["name", "channels", "transport", "reopen", "steps"]);
  if (file === undefined) return undefined;
  const list = Array.isArray(file.steps) ? (file.steps as readonly unknown[]) : [];
  if (list.length === 0 || list.length > MAX_STEPS) {
    check.problem("steps", `must be a list of 1 to ${MAX_STEPS} steps`);
  }
  const steps = list.slice(0, MAX_STEPS).map((step, index) => readStep(check, step, `steps[${index}]`));
  if (list.length > 0 && steps[0] !== undefined && steps[0].do !== "ramp") {
    check.problem(
      "steps[0]",
      'must be a ramp, such as {"ramp": 1000, "rate": 200}: without one nothing is open',
    );
  }
  return {
    name: check.text(file.name ?? "scenario", "name"),
    steps: steps.filter((step) => step !== undefined),
    channels: file.channels === undefined ? undefined : check.channels(file.channels),
    transport:
      file.transport === undefined ? undefined : check.oneOf(file.transport, "transport", TRANSPORTS),
    reopen: file.reopen === undefined ? undefined : check.flag(file.reopen, "reopen"),
  };
}

function readStep(check: Check, value: unknown, path: string): RunStep | undefined {
  const verbs = Object.keys(STEPS) as RunStep["do"][];
  const known = verbs.flatMap((verb) => STEPS[verb]);
  const step = check.object(value, path, [...known, ...COMMON]);
  if (step === undefined) return undefined;
  const said = verbs.filter((verb) => Object.hasOwn(step, verb));
  const [verb] = said;
  if (verb === undefined || said.length > 1) {
    check.problem(path, `must have one of ${verbs.join(", ")}, and has ${said.join(" and ") || "none"}`);
    return undefined;
  }
  for (const name of Object.keys(step)) {
    if (known.includes(name) && !STEPS[verb].includes(name)) {
      check.problem(`${path}.${name}`, `a ${verb} has ${STEPS[verb].slice(1).join(", ")}`);
    }
  }
  const name = step.name === undefined ? verb : check.text(step.name, `${path}.name`);
  const expect = step.expect === undefined ? [] : readExpectations(check, step.expect, `${path}.expect`);
  return { ...actOf(check, verb, step, path), name, expect };
}

type Act = RunStep extends infer Each
  ? Each extends RunStep
    ? Omit<Each, "name" | "expect">
    : never
  : never;

function actOf(check: Check, verb: RunStep["do"], step: Values, path: string): Act {
  const at = (name: string): string => `${path}.${name}`;
  const count = (name: string, most: number, least = 1, without = least): number =>
    step[name] === undefined ? without : check.whole(step[name], at(name), least, most);
  const within = (without: number | undefined): number | undefined =>
    step.within === undefined ? without : check.duration(step.within, at("within"));
  switch (verb) {
    case "ramp":
      return {
        do: "ramp",
        connections: count("ramp", MAX_CONNECTIONS),
        rate: count("rate", MAX_RATE, 1, 1_000),
        withinMs: within(undefined),
      };
    case "hold":
      return {
        do: "hold",
        holdMs: check.duration(step.hold, at("hold")),
        sendRate: count("sendRate", MAX_RATE, 0),
        churnRate: count("churnRate", MAX_RATE, 0),
        broadcasts: count("broadcasts", 1_000, 0),
      };
    case "storm":
      return {
        do: "storm",
        connections: count("storm", MAX_CONNECTIONS),
        withinMs: within(DEFAULT_WITHIN_MS) ?? DEFAULT_WITHIN_MS,
      };
    case "drain":
      return {
        do: "drain",
        admin: step.drain === true ? undefined : check.url(step.drain, at("drain")),
        withinMs: within(DEFAULT_WITHIN_MS) ?? DEFAULT_WITHIN_MS,
      };
  }
}

function readExpectations(check: Check, value: unknown, path: string): Expectation[] {
  const expect = check.object(value, path, FIGURE_NAMES);
  return Object.entries(expect ?? {}).flatMap(([figure, range]) => {
    if (!FIGURE_NAMES.includes(figure as FigureName)) return [];
    const name = figure as FigureName;
    if (typeof range === "number") return [{ figure: name, min: range, max: range }];
    const ends = check.object(range, `${path}.${figure}`, ["min", "max"], "a number");
    if (ends === undefined) return [];
    const { min, max } = ends;
    if (min === undefined && max === undefined) {
      check.problem(`${path}.${figure}`, "must have min, max or both");
    }
    for (const [end, bound] of Object.entries({ min, max })) {
      if (bound !== undefined && typeof bound !== "number") {
        check.problem(`${path}.${figure}.${end}`, "must be a number");
      }
    }
    if (typeof min === "number" && typeof max === "number" && min > max) {
      check.problem(`${path}.${figure}`, `min is ${min}, and above max, which is ${max}`);
    }
    return [{ figure: name, min: min as number | undefined, max: max as number | undefined }];
  });
}

/** Reads values, and keeps what is wrong with them. Of a wrong value it returns one that does no harm. */
class Check {
  readonly problems: string[] = [];

  problem(path: string, why: string): void {
    this.problems.push(`${path}: ${why}`);
  }

  object(value: unknown, path: string, known: readonly string[], or?: string): Values | undefined {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.problem(path, `must be ${or === undefined ? "" : `${or} or `}an object with ${known.join(", ")}`);
      return undefined;
    }
    for (const name of Object.keys(value)) {
      if (!known.includes(name)) this.problem(`${path}.${name}`, `unknown; there are ${known.join(", ")}`);
    }
    return value as Values;
  }

  text(value: unknown, path: string): string {
    if (typeof value === "string" && value.length > 0 && value.length <= 100) return value;
    this.problem(path, "must be a text of 1 to 100 characters");
    return "";
  }

  flag(value: unknown, path: string): boolean {
    if (typeof value !== "boolean") this.problem(path, "must be true or false");
    return value === true;
  }

  oneOf<T extends string>(value: unknown, path: string, choices: readonly T[]): T | undefined {
    const found = choices.find((each) => each === value);
    if (found === undefined) this.problem(path, `must be one of ${choices.join(", ")}`);
    return found;
  }

  whole(value: unknown, path: string, least: number, most: number): number {
    if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value);
    this.problem(path, `must be a whole number from ${least} to ${most}`);
    return least;
  }

  duration(value: unknown, path: string): number {
    const [, amount = "", unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(String(value)) ?? [];
    const ms = Number(amount) * (UNITS[unit] ?? 0);
    if (ms > 0 && ms <= MAX_MS) return ms;
    this.problem(path, "must be a duration such as 500ms, 30s or 5m, at most 24h");
    return 0;
  }

  url(value: unknown, path: string): string {
    if (typeof value === "string" && URL.canParse(value) && /^https?:/.test(value)) return value;
    this.problem(path, "must be true, or the URL of an admin port such as http://10.0.0.5:9080");
    return "";
  }

  channels(value: unknown): string {
    const text = this.text(value, "channels");
    try {
      if (text !== "") checkChannels(text);
    } catch (error) {
      this.problem("channels", (error as Error).message);
    }
    return text;
  }
}
