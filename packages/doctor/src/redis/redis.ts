/**
 * The checks of Redis, in the order in which they are shown.
 */
import type { Check } from "../check.js";
import { DELAY } from "./delay.js";
import { eachServer } from "./each-server.js";
import { KEEPING } from "./keeping.js";
import { SERVER } from "./server.js";

export const REDIS_CHECKS: readonly Check[] = [...SERVER, ...KEEPING, ...DELAY].map(eachServer);
