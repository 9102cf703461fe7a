/**
 * What a program needs that checks settings and tokens, and nothing of the primary or a worker: the commands
 * of the program that only ask a gateway load no more.
 *
 * Everything here is exported by the package's own index, too.
 */
export { proxyProblem } from "./admission/client-address.js";
export { chooseEngine, type EngineChoice, type EngineName, engineProblem } from "./runtime/engine-choice.js";
export { isLoopback } from "./runtime/loopback.js";
export { type FileProblem, loadPairs, type PairFiles } from "./tls/certificate-files.js";
export { readPublicKey } from "./worker/tokens/token-key.js";
