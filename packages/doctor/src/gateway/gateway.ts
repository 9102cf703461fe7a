/**
 * The checks of a gateway, in the order in which they are shown. Those of a running one come last.
 */
import type { Check } from "../check.js";
import { ACCESS } from "./access.js";
import { CAPACITY } from "./capacity.js";
import { RUNNING, SETTINGS } from "./running.js";
import { TIMING } from "./timing.js";

/** What can be judged before a start. */
export const SETTINGS_CHECKS: readonly Check[] = [...SETTINGS, ...TIMING, ...ACCESS, ...CAPACITY];
export const RUNNING_CHECKS: readonly Check[] = RUNNING;
