/**
 * A program that installs the tools of recipes, which takes minutes where nothing is cached: .ci/run starts
 * it beside the unit tests. A tool that cannot be had is the business of the test that wants it.
 */
import { artillery, httpxSse } from "./recipe-tools.js";

await artillery();
await httpxSse();
