import { expect, test } from "@jest/globals";
import { runProgram } from "../program.js";
import { TestTerminal } from "../testing/terminal.js";

function run(...args: string[]): Promise<{ code: number; said: string }> {
  return swarm("run", ...args);
}

async function swarm(...args: string[]): Promise<{ code: number; said: string }> {
  const terminal = new TestTerminal();
  const code = await runProgram(["swarm", ...args], terminal, { version: "0" });
  return { code, said: [...terminal.printed, ...terminal.errors].join("\n") };
}

test("the help has examples", async () => {
  const { code, said } = await run("--help");
  expect(code).toBe(0);
  expect(said).toContain("--connections 1000000");
});

test.each([
  [["--connections", "0"], "whole number from 1 to"],
  [["--rate", "fast"], "whole number from 1 to"],
  [["--hold", "5"], "a duration such as"],
  [["--target", "http://127.0.0.1/ws"], "the target must be ws://host:port/path"],
  [["--channels", "a b"], "this is no channel name"],
  [["--admin", "127.0.0.1"], "--admin must be a URL"],
  [["--scenario", "missing.json"], "cannot read missing.json"],
  [
    ["--scenario", "s.json", "--hold", "5s"],
    "--scenario says what is opened and held: leave hold to its steps",
  ],
  [["--agents", "0"], "--agents must be a number from 1 to 1000, auto, or addresses of hosts"],
  [["--agents", "a b"], '--agents: "a b" is no address'],
  [["--agents", "h", "--agents-file", "f"], "exclude each other"],
  [["--agents-file", "missing"], "cannot read missing"],
  [
    ["--agents", "10.0.0.5"],
    "the swarm needs a key that controller and agents share: set HOLDFAST_SWARM_KEY",
  ],
  [["--agents", "10.0.0.5", "--key", "short"], "must have 16 to 1024 characters, this one has 5"],
  [["--target", "ws://10.0.0.1:80/ws", "--connections", "100000"], "target ports, there are 1"],
])("%j is asked for wrongly", async (args, why) => {
  const { code, said } = await run(...args);
  expect(said).toContain(why);
  expect(code).toBe(2);
});

test.each([
  [["agent", "--key", "0123456789abcdef", "--listen", "a b"], '--listen: "a b" is no address'],
  [["agent"], "the swarm needs a key"],
  [["status"], "name the load machines with --agents or --agents-file"],
  [["set", "n", "0", "--agents", "h"], "whole number from 1 to"],
  [["stop", "--agents", "h", "--key", "k", "--key-file", "f"], "--key and --key-file exclude each other"],
])("%j is asked for wrongly, too", async (args, why) => {
  const { code, said } = await swarm(...args);
  expect(said).toContain(why);
  expect(code).toBe(2);
});
