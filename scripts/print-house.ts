/** Prints the house in numbers: `npm run house`. `--all` lists what each number counts. */
import { resolve } from "node:path";
import { type House, house } from "./house.js";

/** What may be at most; undefined: a figure without a limit. */
const LIMITS: Readonly<Record<keyof House, number | undefined>> = {
  arrows: undefined,
  backward: 0,
  circles: 0,
  crowdedFolders: 0,
  bigClasses: 6,
  longFunctions: 5,
  longFiles: 4,
  wideComments: 0,
  wideProse: 0,
  vagueSubjects: 0,
  twoMeanings: 0,
};

const found = house(resolve("."));
for (const [name, limit] of Object.entries(LIMITS) as [keyof House, number | undefined][]) {
  const value = found[name];
  const count = typeof value === "number" ? value : value.length;
  const verdict = limit === undefined ? "" : count > limit ? ` over ${limit}` : ` (at most ${limit})`;
  console.log(`${name.padEnd(16)} ${String(count).padStart(5)}${verdict}`);
  if (process.argv.includes("--all") && typeof value !== "number")
    for (const each of value) console.log(`    ${each}`);
}
