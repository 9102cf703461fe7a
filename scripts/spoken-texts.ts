/**
 * Texts that a program says: those of its log lines and of the errors that it makes.
 *
 * Pure: text of a source in, texts with their lines out. A log line is a call of a level (`logger.warn(…)`),
 * an error is `new SomeError(…)`, or a call that refuses or gives up (`adminError(…)`). All strings and templates of the arguments count, also those of a choice or
 * a sum; fields of an object do not. What a template fills in is an x. Used by plain-english.ts.
 */
import { parseSync } from "@swc/core";
import { type Node, walk } from "./import-rules.js";

/** A text and where it begins. */
export interface SpokenText {
  readonly line: number;
  readonly text: string;
}

const LEVELS = /^(?:trace|debug|info|warn|error|fatal)$/;
/** Functions and methods that are given the text of an error. */
const REFUSALS = /(?:Error|[rR]efuse|[fF]ail(?:ed)?|[gG]iveUp|[rR]eject)$/;
/** Classes of errors, most of which are named so. */
const ERRORS =
  /(?:Error|Exceeded|Failure|Full|NotMaster|NotSent|Problem|Refus(?:al|ed)|Unavailable|BadClaim)$/;
/** Its message stands behind a sentence of commander, which names the option that "It" refers to. */
const CONTINUED = /^InvalidArgumentError$/;

export function spokenTexts(source: string): SpokenText[] {
  // An empty statement in front shows where the parser's positions begin.
  const code = `;${source}`;
  const bytes = Buffer.from(code);
  const tree = parseSync(code, { syntax: "typescript", target: "es2022" }) as unknown as Node;
  const base = (tree.body as readonly Node[])[0]?.span.start ?? 0;
  const said: SpokenText[] = [];
  walk(tree, (node) => {
    if (!isSpokenCall(node) && !isNewError(node)) return;
    for (const { expression } of (node.arguments ?? []) as readonly { readonly expression: Node }[]) {
      for (const { text, start } of textsOf(expression)) {
        const before = bytes.subarray(0, start - base).toString();
        said.push({ line: before.split("\n").length, text });
      }
    }
  });
  return said;
}

function isSpokenCall(node: Node): boolean {
  const callee = node.callee as (Node & { readonly value?: string }) | undefined;
  if (node.type !== "CallExpression") return false;
  if (callee?.type === "Identifier") return REFUSALS.test(callee.value ?? "");
  const name = String((callee?.property as { readonly value?: unknown } | undefined)?.value);
  return LEVELS.test(name) || REFUSALS.test(name);
}

function isNewError(node: Node): boolean {
  const callee = node.callee as (Node & { readonly value?: string }) | undefined;
  if (node.type !== "NewExpression" || callee?.type !== "Identifier") return false;
  return ERRORS.test(callee.value ?? "") && !CONTINUED.test(callee.value ?? "");
}

function textsOf(node: Node): { readonly text: string; readonly start: number }[] {
  const start = node.span.start;
  switch (node.type) {
    case "StringLiteral":
      return [{ text: String(node.value), start }];
    case "TemplateLiteral": {
      const quasis = node.quasis as readonly { readonly raw: string; readonly cooked?: string }[];
      const text = quasis.map(({ cooked, raw }) => cooked ?? raw).join("x");
      return [{ text, start }, ...(node.expressions as readonly Node[]).flatMap(textsOf)];
    }
    case "ConditionalExpression":
      return [...textsOf(node.consequent as Node), ...textsOf(node.alternate as Node)];
    case "BinaryExpression":
      return [...textsOf(node.left as Node), ...textsOf(node.right as Node)];
    case "ParenthesisExpression":
      return textsOf(node.expression as Node);
    default:
      return [];
  }
}
