/**
 * The program of a worker process. Its settings come from the primary over the link.
 */
import { runWorker } from "@holdfast/gateway";
import { type WorkerConfig, workerOptions } from "./compose.js";
import { giveUpClosedTerminals } from "./process/closed-terminals.js";

giveUpClosedTerminals();
runWorker((config, owner) => workerOptions(config as WorkerConfig, owner));
