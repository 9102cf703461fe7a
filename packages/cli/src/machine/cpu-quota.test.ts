import { describe, expect, it } from "@jest/globals";
import { cpuQuota } from "./cpu-quota.js";
import { usableCpus } from "./machine.js";

const V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw,nsdelegate";
const V1 = "36 25 0:33 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct";
const OTHER = "37 25 0:34 / /sys/fs/cgroup/cpuset rw shared:10 - cgroup cgroup rw,cpuset";

function quota(files: Readonly<Record<string, string>>): number {
  return cpuQuota((path) => files[path]);
}

describe("the CPU quota", () => {
  it("of version 2 is the least one of all levels", () => {
    const files = {
      "/proc/self/cgroup": "0::/kubepods/pod7/web\n",
      "/proc/self/mountinfo": `${V2}\n`,
      "/sys/fs/cgroup/kubepods/cpu.max": "max 100000\n",
      "/sys/fs/cgroup/kubepods/pod7/cpu.max": "250000 100000\n",
      "/sys/fs/cgroup/kubepods/pod7/web/cpu.max": "800000 100000\n",
    };
    expect(quota(files)).toBe(2.5);
  });

  it("of version 1 is in the hierarchy that has `cpu`", () => {
    const files = {
      "/proc/self/cgroup": "5:cpuset:/a\n4:cpu,cpuacct:/docker/9f\n0::/\n",
      "/proc/self/mountinfo": `${OTHER}\n${V1}\n`,
      "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
      "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/cpu,cpuacct/docker/9f/cpu.cfs_quota_us": "150000\n",
      "/sys/fs/cgroup/cpu,cpuacct/docker/9f/cpu.cfs_period_us": "50000\n",
    };
    expect(quota(files)).toBe(3);
  });

  it("is found where a name has a space or a backslash, which the list of mounts writes as octal numbers", () => {
    const files = {
      "/proc/self/cgroup": "0::/app\\x2done/web\n",
      "/proc/self/mountinfo": "30 23 0:26 /app\\134x2done /mnt/c\\040g rw - cgroup2 cgroup rw\n",
      "/mnt/c g/web/cpu.max": "300000 100000\n",
    };
    expect(quota(files)).toBe(3);
  });

  it("of a container that sees its own group only is at the mount point", () => {
    const files = {
      "/proc/self/cgroup": "3:cpu:/docker/ab12\n",
      "/proc/self/mountinfo": "41 30 0:33 /docker/ab12 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "70000\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    };
    expect(quota(files)).toBe(0.7);
    expect(quota({ ...files, "/proc/self/cgroup": "3:cpu:/elsewhere\n" })).toBe(0.7);
  });

  it.each([
    ["nothing that can be read", {}],
    [
      "no quota",
      { "/proc/self/cgroup": "0::/x\n", "/proc/self/mountinfo": V2, "/sys/fs/cgroup/x/cpu.max": "max 1\n" },
    ],
    [
      "nonsense",
      { "/proc/self/cgroup": "0::/x\n", "/proc/self/mountinfo": V2, "/sys/fs/cgroup/x/cpu.max": "a b\n" },
    ],
  ])("is none with %s", (_, files) => {
    expect(quota(files)).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([
    [8, Number.POSITIVE_INFINITY, 8],
    [8, 3, 3],
    [8, 2.5, 2],
    [8, 0.5, 1],
    [2, 16, 2],
  ])("makes of %i CPUs and a quota of %d: %i workers, at least one", (cpus, limit, workers) => {
    expect(usableCpus(cpus, limit)).toBe(workers);
  });
});
