/**
 * The checks of a machine, in the order in which they are shown.
 */
import type { Check } from "../check.js";
import { ACCEPTING } from "./accepting.js";
import { BUFFERS } from "./buffers.js";
import { DESCRIPTORS } from "./descriptors.js";
import { MEMORY } from "./memory.js";
import { SYSTEM } from "./system.js";

export const MACHINE_CHECKS: readonly Check[] = [
  ...DESCRIPTORS,
  ...ACCEPTING,
  ...BUFFERS,
  ...MEMORY,
  ...SYSTEM,
];
