/**
 * All scenarios, in the order in which they run.
 */
import type { Scenario } from "../scenario.js";
import { storm } from "./storm.js";

export const SCENARIOS: readonly Scenario[] = [storm];
