/**
 * What a program needs that runs a worker process, and nothing of the primary: a worker loads what it uses,
 * and a machine has many of them.
 *
 * Everything here is exported by the package's own index, too.
 */
export type { StaticPage } from "../http/static-page.js";
export { isLoopback } from "../runtime/loopback.js";
export { RecentWarnings, type Warning } from "../runtime/recent-warnings.js";
export type { WorkerOptions } from "./options.js";
export { type MakeWorkerOptions, runWorker } from "./run-worker.js";
export { Siblings, type SiblingsOptions } from "./siblings/siblings.js";
