/**
 * Holdfast's network edge: the primary that listens and routes, and the workers that hold the connections.
 */

// For programs that run a worker process.
export { type MakeWorkerOptions, runWorker } from "./worker/run-worker.js";

// For programs that run a primary.
export { type Addresses, Primary, type ReloadOptions } from "./primary/primary.js";
export type { DrainPlan, DrainProgress } from "./primary/operations/instance-drain.js";
export { openApi } from "./primary/admin/api.js";
export { proxyProblem } from "./admission/client-address.js";
export { isLoopback } from "./runtime/loopback.js";

// For programs that make or check tokens.
export { type KeySource, TokenAuthenticator, type TokenOptions } from "./worker/tokens/token.js";
export { type Claims, proofOf } from "./worker/tokens/token-claims.js";
export { readPublicKey } from "./worker/tokens/token-key.js";

export type { WebhookOptions } from "./worker/webhook/webhooks.js";

// What both are told.
export type { AdminOptions } from "./primary/admin/options.js";
export type { PrimaryOptions } from "./primary/options.js";
export type { BrokerService, WorkerBroker } from "./worker/embedded/worker-broker.js";
export type { StaticPage } from "./worker/http/static-page.js";
export type { WorkerOptions } from "./worker/options.js";
export type { SeamOffers, ServedSeam } from "./primary/embedded/seam-server.js";
