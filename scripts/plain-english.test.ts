import { expect, it } from "@jest/globals";
import { commentsOf, vagueSubjects } from "./plain-english.js";

it.each([
  "// Who is refused has no account.",
  ["/** Ends it; ", "somebody waits. */"].join(""),
  "/**\n * Tells those\n * who wait.\n */",
  ["f(); /", "/ for whoever asks"].join(""),
  "// A port that nobody has.",
  "// For who does not wait.",
  'it("tells nobody", () => {',
  "// One by one: who comes later shares it.",
])("finds the subject of %j", (source) => {
  expect(vagueSubjects(source)).toHaveLength(1);
});

it.each([
  "// Presence: who is in a channel.",
  "// A client who returns.",
  "// The reason `nobody` is given.",
  'const text = "somebody";',
  "// It says who a client is.",
])("lets %j pass", (source) => {
  expect(vagueSubjects(source)).toEqual([]);
});

it("joins the lines of a comment, and keeps paragraphs apart", () => {
  expect(commentsOf("/**\n * One\n * two.\n *\n * Three.\n */\n// four\n// five\nf();\n// six")).toEqual([
    { line: 1, text: " One two.\n Three." },
    { line: 7, text: "four five" },
    { line: 10, text: "six" },
  ]);
});
