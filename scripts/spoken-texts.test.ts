import { expect, it } from "@jest/globals";
import { vagueTexts } from "./plain-english.js";
import { spokenTexts } from "./spoken-texts.js";

it("finds the texts of log calls and errors, with their lines, and no others", () => {
  const source = [
    'const plain = "no text of these";',
    "// ä: positions are bytes, and this has two",
    'this.#logger.warn({ hint: "a field" }, "a line");',
    `throw new BrokerUnavailable(isFull ? "first" : \`second \${name} of \${isOld ? "old" : other}\`);`,
    "logger.info({}, 'one ' +",
    '  "two");',
    'console.log("no level"); new Option("--user <id>", "an option"); new InvalidArgumentError("It is odd.");',
  ].join("\n");
  expect(spokenTexts(source)).toEqual([
    { line: 3, text: "a line" },
    { line: 4, text: "first" },
    { line: 4, text: "second x of x" },
    { line: 4, text: "old" },
    { line: 5, text: "one " },
    { line: 6, text: "two" },
  ]);
});

it.each([
  'logger.warn({}, "nobody listens");',
  'logger.info({}, "drain: who is left is ended");',
  'throw new Error("it ended too soon");',
  'throw new Error(name + " is a replica: what is published there is lost");',
  'logger.info({}, "reload: another one was asked for");',
  'throw new Failure("Redis is away; they cannot be read");',
])("finds the vague subject of %j", (source) => {
  expect(vagueTexts(source)).toHaveLength(1);
});

it.each([
  'logger.warn({}, "could not read who is in a channel");',
  'throw new Error("this server is a replica");',
  'throw new Error("the worker ended before it was ready");',
  'throw new Failure("say --user, or `nobody`");',
  'const text = "it is no text of an error";',
])("lets %j pass", (source) => {
  expect(vagueTexts(source)).toEqual([]);
});
