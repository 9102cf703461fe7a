/**
 * Holdfast's network edge: the primary that listens and routes, and the workers that hold the connections.
 */

// For programs that run a worker process.
export { type MakeWorkerOptions, runWorker } from "./worker/run-worker.js";

// For programs that run a primary.
export type { Addresses } from "./primary/instance.js";
export { Primary } from "./primary/primary.js";
export type { InstanceShare, RebalanceReport } from "./primary/rebalance/report.js";
export type { DrainPlan, DrainProgress } from "./primary/operations/instance-drain.js";
export { openApi } from "./primary/admin/api.js";
export { proxyProblem } from "./admission/client-address.js";
export { chooseEngine, type EngineChoice, type EngineName, engineProblem } from "./runtime/engine-choice.js";
export { type FileProblem, loadPairs, type PairFiles } from "./tls/certificate-files.js";
export type { Renewal, TlsPortOptions } from "./tls/certificate-store.js";
export { isLoopback } from "./runtime/loopback.js";
export { RecentWarnings, type Warning } from "./runtime/recent-warnings.js";

// What the admin API answers to operators who watch.
export type { DeliveryCheck, DeliveryFinding } from "./primary/operations/delivery-check.js";
export type { InstanceSurvey, ProcessWarning } from "./primary/operations/inspection.js";
export type { Overview, WorkerView } from "./primary/operations/overview.js";
export type { ReportedCounter } from "./link/worker-report.js";

// For programs that make or check tokens.
export { type KeySource, TokenAuthenticator, type TokenOptions } from "./worker/tokens/token.js";
export { type Claims, proofOf } from "./worker/tokens/token-claims.js";
export { readPublicKey } from "./worker/tokens/token-key.js";

export type { WebhookOptions } from "./worker/webhook/webhooks.js";

// What both are told.
export type { AdminOptions } from "./primary/admin/options.js";
export type { PrimaryOptions, ReadAgain, ReloadOptions } from "./primary/options.js";
export type { ShownSetting } from "./primary/operations/shown-setting.js";
export type { BrokerService, WorkerBroker } from "./worker/embedded/worker-broker.js";
export type { StaticPage } from "./http/static-page.js";
export type { WorkerOptions } from "./worker/options.js";
export type { SeamOffers, ServedSeam } from "./primary/embedded/seam-server.js";
export { Siblings, type SiblingsOptions } from "./worker/siblings/siblings.js";
