/**
 * @holdfast/swarm/measure: what processes and sockets cost, read from the kernel.
 *
 * Benchmarks use it, too. What is drawn from the numbers is @holdfast/swarm/report.
 */
export {
  children,
  clusterWorkers,
  cpuMicros,
  openSockets,
  privateBytes,
  pssBytes,
  rssBytes,
  totalCpuMicros,
} from "./processes.js";
