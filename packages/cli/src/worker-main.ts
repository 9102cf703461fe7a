/**
 * The program of a worker process. Its settings come from the primary over the link.
 */
import { runWorker } from "@holdfast/gateway";
import { type WorkerConfig, workerOptions } from "./compose.js";

runWorker((config, owner) => workerOptions(config as WorkerConfig, owner));
