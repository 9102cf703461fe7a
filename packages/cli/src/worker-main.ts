/**
 * The program of a worker process. Its settings come from the primary over the link.
 */
import { runWorker } from "@holdfast/gateway";
import { giveUpClosedTerminals } from "./closed-terminals.js";
import { type WorkerConfig, workerOptions } from "./compose.js";

giveUpClosedTerminals();
runWorker((config, owner) => workerOptions(config as WorkerConfig, owner));
