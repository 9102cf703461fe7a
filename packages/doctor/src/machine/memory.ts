/**
 * Checks of memory and CPU: of the machine, of the control group, and what takes them away.
 */
import { GATEWAY, LINUX, MACHINE_THRESHOLDS, neededMemory } from "@holdfast/platform";
import { bytes, type Check, count, failed, given, ok, percent, skipped, warning } from "../check.js";
import { set, sysctl, wanted } from "./readers.js";

const { swappiness, memoryUseShare, throttledShare } = MACHINE_THRESHOLDS;

export const MEMORY: readonly Check[] = [
  {
    code: "HF-M030",
    title: "memory of the machine",
    why: "A worker that finds no memory is killed, and its clients come back to the others.",
    limits: [GATEWAY.bytesPerConnection, GATEWAY.kernelBytesPerConnection, LINUX.systemBytes],
    mend: "Take a machine with more memory, or set `maxConnections` to what this one holds; `holdfast plan` has the numbers.",
    judge: given({ wanted, memory: ({ machine }) => machine.memoryBytes }, ({ wanted: load, memory }) => {
      const needed = neededMemory(load);
      const found = `${bytes(memory)}; ${count(load.connections)} connections need ${bytes(needed)}`;
      return memory < needed ? warning(found) : ok(found);
    }),
  },
  {
    code: "HF-M031",
    title: "memory limit of the control group",
    why: "The kernel's memory of connections counts there, too: at the limit it kills a worker.",
    limits: [GATEWAY.bytesPerConnection, GATEWAY.kernelBytesPerConnection],
    mend: "Raise `MemoryMax=`, or the container's limit, or set `maxConnections`.",
    judge: given(
      { wanted, group: ({ machine }) => machine.groupMemory },
      ({ wanted: load, group: { limitBytes } }) => {
        if (limitBytes === Number.POSITIVE_INFINITY) return ok("no limit");
        // Without the system, which is not in the group.
        const needed = neededMemory(load) - LINUX.systemBytes.value;
        const found = `${bytes(limitBytes)}; ${count(load.connections)} connections need ${bytes(needed)}`;
        return limitBytes < needed ? failed(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-M032",
    title: "memory of the control group in use",
    why: "Near the limit the kernel spends its time on taking pages back.",
    limits: [memoryUseShare],
    mend: "Raise the limit, or look for what else runs in the group.",
    judge: given({ group: ({ machine }) => machine.groupMemory }, ({ group: { limitBytes, usedBytes } }) => {
      if (limitBytes === Number.POSITIVE_INFINITY) return ok(`${bytes(usedBytes)} without a limit`);
      const found = `${bytes(usedBytes)} of ${bytes(limitBytes)} (${percent(usedBytes / limitBytes)})`;
      return usedBytes / limitBytes > memoryUseShare.value ? warning(found) : ok(found);
    }),
  },
  {
    code: "HF-M033",
    title: "CPU quota",
    why: "More workers than the quota carries stand still together when it is used up.",
    limits: [throttledShare, GATEWAY.cpuShare],
    mend: "Set `workers` to the whole CPUs of the quota, or raise `CPUQuota=` or the container's limit.",
    judge: given({ wanted, cpu: ({ machine }) => machine.cpu }, ({ wanted: { workers }, cpu: { quota } }) => {
      if (quota === Number.POSITIVE_INFINITY) return ok("no quota");
      const found = `${quota.toFixed(1)} CPUs for ${workers} workers`;
      return quota < workers ? warning(found) : ok(found);
    }),
  },
  {
    code: "HF-M034",
    title: "CPU quota used up",
    why: "While a group is throttled no worker answers: pings are late, and clients leave.",
    limits: [throttledShare],
    mend: "Raise the quota, or move what else runs in the group.",
    judge: given({ share: ({ machine }) => machine.throttled }, ({ share }) => {
      const found = `in ${percent(share)} of the periods`;
      return share > throttledShare.value ? warning(found) : ok(found);
    }),
  },
  {
    code: "HF-M035",
    title: "swap",
    why: "A collection touches the whole heap: one that is swapped out stops its worker for seconds.",
    limits: [swappiness],
    mend: set("vm.swappiness", 1),
    judge: given(
      { swap: ({ machine }) => machine.swapBytes, value: sysctl("vm.swappiness") },
      ({ swap, value }) => {
        if (swap === 0) return ok("there is none");
        const found = `${bytes(swap)}, and vm.swappiness = ${value}`;
        return value > swappiness.value ? warning(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-M036",
    title: "transparent huge pages",
    why: "With `always` the kernel merges pages of a heap while workers wait, and memory grows by what is not used of them.",
    limits: [LINUX.pageBytes],
    mend: "Say `madvise` in `/sys/kernel/mm/transparent_hugepage/enabled`.",
    judge: given({ mode: ({ machine }) => machine.hugePages }, ({ mode }) =>
      mode === "always" ? warning("always") : mode === "" ? skipped("the kernel names no mode") : ok(mode),
    ),
  },
];
