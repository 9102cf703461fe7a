/**
 * Checks of how fast Redis answers, and of its clock.
 */
import { MACHINE_THRESHOLDS, WAY_THRESHOLDS } from "@holdfast/platform";
import { type Check, failed, given, ok, warning } from "../check.js";
import { of } from "./readers.js";

const { roundTripMs, roundTripFailedMs, forkMs } = WAY_THRESHOLDS;
const { clockSkewMs } = MACHINE_THRESHOLDS;

export const DELAY: readonly Check[] = [
  {
    code: "HF-R020",
    title: "round trip",
    why: "A publication waits for it twice, and one channel takes about one publication in each.",
    limits: [roundTripMs, roundTripFailedMs],
    mend: "Put Redis into the same zone, and look for slow commands (`SLOWLOG GET`).",
    judge: given({ ms: of(({ roundTripP99Ms }) => roundTripP99Ms) }, ({ ms }) => {
      const found = `p99 ${ms.toFixed(2)} ms`;
      if (ms > roundTripFailedMs.value) return failed(found);
      return ms > roundTripMs.value ? warning(found) : ok(found);
    }),
  },
  {
    code: "HF-R021",
    title: "clock of Redis",
    why: "Leases and deadlines run on it; tokens and revocations on ours.",
    limits: [clockSkewMs],
    mend: "Keep the clocks of both machines right, by NTP.",
    judge: given({ skew: of(({ clockSkewMs: skew }) => skew) }, ({ skew }) => {
      const found = `${Math.abs(skew).toFixed(0)} ms ${skew < 0 ? "behind" : "ahead"}`;
      return Math.abs(skew) > clockSkewMs.value ? failed(found) : ok(found);
    }),
  },
  {
    code: "HF-R022",
    title: "forks",
    why: "Redis stands still while it forks to save: leases of a busy moment run out.",
    limits: [forkMs],
    mend: "Turn transparent huge pages off on its machine, or save on a replica.",
    judge: given({ ms: of(({ forkMs: ms }) => ms) }, ({ ms }) => {
      const found = `the last took ${ms.toFixed(1)} ms`;
      return ms > forkMs.value ? warning(found) : ok(found);
    }),
  },
];
