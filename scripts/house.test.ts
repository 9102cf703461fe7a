/**
 * The limits of the house that hold today. Those that do not yet are printed by `npm run house`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it } from "@jest/globals";
import { house } from "./house.js";

it("no folder knows a higher one, no circle, no crowded folder, no wide line, no vague subject, no name with two meanings", () => {
  const {
    arrows: _,
    bigClasses: _classes,
    longFunctions: _functions,
    longFiles: _files,
    ...rest
  } = house(process.cwd());
  expect(rest).toEqual({
    backward: 0,
    circles: 0,
    crowdedFolders: [],
    wideComments: [],
    wideProse: [],
    vagueSubjects: [],
    twoMeanings: [],
  });
});

it("counts what it says it counts", () => {
  const root = mkdtempSync(join(tmpdir(), "house-"));
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(root, "packages", file)), { recursive: true });
    writeFileSync(join(root, "packages", file), text);
  };
  const lines = (count: number): string => "  f();\n".repeat(count);
  write(
    "core/src/hub/a.ts",
    `import type { B } from "../runtime/b.js";\nexport interface Twice {}\n// ${"x".repeat(120)}\n`,
  );
  write("core/src/runtime/b.ts", 'import type { Twice } from "../hub/a.js";\nexport interface Twice {}\n');
  for (const name of ["core/src/runtime", "client/src"])
    write(`${name}/clock.ts`, "export interface Clock {}\nexport interface Reads {}\n");
  write("core/src/hub/long.ts", `export function long(): void {\n${lines(321)}}\n`);
  write(
    "core/src/hub/big.ts",
    `export class Big {\n${Array.from({ length: 26 }, (_, n) => `  f${n} = 0;\n`).join("")}}\n`,
  );
  for (let n = 0; n < 23; n++) write(`core/src/access/f${n}.ts`, "export {};\n");
  const comment = ["/**", " * A test, for who", " * reads it. A client that", " *", " * nobody", " */"].join(
    "\n",
  );
  write("client/src/said.test.ts", `${comment}\nconst text = "nobody";\n`);
  write("redis/src/said.ts", 'throw new Error("it is away");\nlogger.warn({}, "Redis is away");\n');
  const wide = "word ".repeat(32).trim();
  write("client/README.md", `# ${wide}\n\n${wide}\n\n\`\`\`\n${wide}\n\`\`\`\n| ${wide} |\n`);
  try {
    expect(house(root)).toEqual({
      arrows: 2,
      backward: 1,
      circles: 1,
      crowdedFolders: ["packages/core/src/access 23"],
      bigClasses: ["packages/core/src/hub/big.ts Big 26"],
      longFunctions: ["packages/core/src/hub/long.ts long 323"],
      longFiles: ["packages/core/src/hub/long.ts 323"],
      wideComments: ["packages/core/src/hub/a.ts:3 123"],
      wideProse: ["packages/client/README.md:3 159"],
      vagueSubjects: [
        "packages/client/src/said.test.ts:1 A test, for who reads it.",
        "packages/client/src/said.test.ts:1 nobody",
        "packages/redis/src/said.ts:1 it is away",
      ],
      twoMeanings: [
        "Reads: packages/client/src/clock.ts, packages/core/src/runtime/clock.ts",
        "Twice: packages/core/src/hub/a.ts, packages/core/src/runtime/b.ts",
      ],
    });
  } finally {
    rmSync(root, { recursive: true });
  }
});
