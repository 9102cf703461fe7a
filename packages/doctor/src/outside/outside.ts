/**
 * The checks of the way from outside, in the order in which they are shown.
 */
import type { Check } from "../check.js";
import { PASSAGE } from "./passage.js";
import { SECURE } from "./secure.js";

export const OUTSIDE_CHECKS: readonly Check[] = [...SECURE, ...PASSAGE];
