/**
 * All scenarios, in the order in which they run.
 */
import type { Scenario } from "../scenario.js";
import { burst } from "./burst.js";
import { cluster } from "./cluster.js";
import { comet } from "./comet.js";
import { compression } from "./compression.js";
import { cross } from "./cross.js";
import { deploy } from "./deploy.js";
import { encodings } from "./encodings.js";
import { fanOut } from "./fan-out.js";
import { gc } from "./gc.js";
import { idle } from "./idle.js";
import { ingest } from "./ingest.js";
import { jitter } from "./jitter.js";
import { manyChannels } from "./many-channels.js";
import { presence } from "./presence.js";
import { publish } from "./publish.js";
import { storm } from "./storm.js";

export const SCENARIOS: readonly Scenario[] = [
  storm,
  idle,
  fanOut,
  burst,
  compression,
  encodings,
  manyChannels,
  comet,
  cross,
  cluster,
  ingest,
  publish,
  presence,
  gc,
  jitter,
  deploy,
];
