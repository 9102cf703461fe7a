/**
 * All scenarios, in the order in which they run.
 */
import type { Scenario } from "../scenario.js";
import { burst } from "./burst.js";
import { comet } from "./comet.js";
import { cross } from "./cross.js";
import { deploy } from "./deploy.js";
import { fanOut } from "./fan-out.js";
import { gc } from "./gc.js";
import { idle } from "./idle.js";
import { jitter } from "./jitter.js";
import { manyChannels } from "./many-channels.js";
import { presence } from "./presence.js";
import { storm } from "./storm.js";

export const SCENARIOS: readonly Scenario[] = [
  storm,
  idle,
  fanOut,
  burst,
  manyChannels,
  comet,
  cross,
  presence,
  gc,
  jitter,
  deploy,
];
