/**
 * Two projects. `unit`: tests beside the sources, in parallel, importing the sources of every package. `e2e`: real
 * processes against what was built, so @holdfast/* means dist there.
 *
 * The next line lets Node.js 20 load this file; newer versions read TypeScript by themselves.
 * @jest-config-loader esbuild-register
 */
import type { Config } from "jest";

const shared = {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "\\.ts$": [
      "@swc/jest",
      {
        jsc: {
          target: "es2022",
          parser: { syntax: "typescript" },
          transform: { verbatimModuleSyntax: true },
        },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
  modulePathIgnorePatterns: ["/dist/.*\\.test\\.js$"],
} satisfies Config;

/** Sources import "./x.js", the name that exists once built. */
const builtNameToSource = { "^(\\.{1,2}/.*)\\.js$": "$1" };

export default {
  projects: [
    {
      ...shared,
      displayName: "unit",
      testMatch: ["<rootDir>/packages/*/src/**/*.test.ts", "<rootDir>/scripts/*.test.ts"],
      testPathIgnorePatterns: ["/node_modules/", "\\.e2e\\.test\\.ts$"],
      moduleNameMapper: {
        ...builtNameToSource,
        "^@holdfast/(core|redis)/testing$": "<rootDir>/packages/$1/src/testing/index.ts",
        "^@holdfast/client/msgpack$": "<rootDir>/packages/client/src/msgpack/index.ts",
        "^@holdfast/gateway/worker$": "<rootDir>/packages/gateway/src/worker/index.ts",
        "^@holdfast/redis/target$": "<rootDir>/packages/redis/src/target.ts",
        "^@holdfast/swarm/(measure|report)$": "<rootDir>/packages/swarm/src/$1/index.ts",
        "^@holdfast/(protocol|core|redis|gateway|client|swarm|platform|doctor|aws)$":
          "<rootDir>/packages/$1/src/index.ts",
      },
    },
    {
      ...shared,
      displayName: "e2e",
      testMatch: ["<rootDir>/packages/e2e/src/**/*.e2e.test.ts"],
      moduleNameMapper: builtNameToSource,
    },
  ],
  // Real processes on a small machine; a unit test that needs as long is wrong.
  testTimeout: 15_000,
  // The modules of every test file stay in the memory of the process that ran it (some 20 MB a file), so tests never
  // run inside Jest's own process: a worker process is replaced at this size, and one that dies fails one file.
  workerIdleMemoryLimit: "1GB",
} satisfies Config;
