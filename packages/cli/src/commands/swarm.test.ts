import { expect, test } from "@jest/globals";
import { runProgram } from "../program.js";
import { TestTerminal } from "../testing/terminal.js";

async function run(...args: string[]): Promise<{ code: number; said: string }> {
  const terminal = new TestTerminal();
  const code = await runProgram(["swarm", "run", ...args], terminal, { version: "0" });
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
  [["--target", "ws://10.0.0.1:80/ws", "--connections", "100000"], "target ports, there are 1"],
])("%j is asked for wrongly", async (args, why) => {
  const { code, said } = await run(...args);
  expect(said).toContain(why);
  expect(code).toBe(2);
});
