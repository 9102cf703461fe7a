/** Constructs of the kit. */
export { InvalidProps, type Problem } from "./checks.js";
export { DEFAULT_VERSION, HoldfastCluster } from "./cluster.js";
export { tarballsAt } from "./install.js";
export type * from "./props.js";
export type { SecretSource } from "./secret-source.js";
export { HoldfastService, type HoldfastServiceProps } from "./service.js";
export type { ClusterShape } from "./shape.js";
export { HoldfastSwarm, type HoldfastSwarmProps } from "./swarm.js";
