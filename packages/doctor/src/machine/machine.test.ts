import { breaking } from "../testing/breaking.js";
import { MACHINE_CHECKS } from "./machine.js";

const sysctl = (key: string, value: string): Record<string, unknown> => ({
  [`machine/sysctl/${key}`]: value,
});
const GIB = 1024 ** 3;
const group = (limitBytes: number, usedBytes: number) => ({
  "machine/groupMemory": { limitBytes, usedBytes },
});
const unit = (fields: object) => ({
  "machine/unit": {
    limitNofile: 1_048_576,
    tasksMax: 4096,
    timeoutStopMs: 300_000,
    oomPolicy: "continue",
    ...fields,
  },
});
const adapter = (counters: object) => ({ "machine/adapters": [{ name: "eth0", counters }] });
const folder = (fields: object) => ({ path: "/tmp", isWritable: true, freeBytes: GIB, ...fields });
const many = { wanted: { connections: 1_000_000, workers: 4 } };

breaking("a machine", MACHINE_CHECKS, {
  "HF-M001": [
    [
      { "machine/openFiles": { soft: 1024, hard: 20_000 } },
      "failed",
      "20,000; 100,000 connections over 4 workers need 31,506",
    ],
    [{ "machine/openFiles": { soft: 1, hard: Number.POSITIVE_INFINITY } }, "ok", "no limit"],
  ],
  "HF-M002": [
    [
      { "machine/openFiles": { soft: 1024, hard: 1_048_576 } },
      "warning",
      "1,024 of 1,048,576; 31,506 are needed",
    ],
  ],
  "HF-M003": [[unit({ limitNofile: 1024 }), "failed", "LimitNOFILE=1,024"]],
  "HF-M004": [[sysctl("fs.nr_open", "20000"), "failed", "fs.nr_open = 20,000; 31,506 are needed"]],
  "HF-M005": [[sysctl("fs.file-max", "100000"), "failed", "fs.file-max = 100,000; 185,536 are wanted"]],
  "HF-M006": [[sysctl("fs.file-nr", "90000 0 100000"), "warning", "90,000 of 100,000 (90 %)"]],
  "HF-M007": [[sysctl("fs.epoll.max_user_watches", "60000"), "failed", "120,000 are wanted"]],
  "HF-M008": [
    [unit({ tasksMax: 40 }), "failed", "40; 5 processes have about 60 threads"],
    [{ "machine/pidsMax": 40 }, "ok", "4,096"],
  ],
  "HF-M010": [
    [sysctl("net.core.somaxconn", "128"), "warning", "net.core.somaxconn = 128, and backlog 16,384"],
  ],
  "HF-M011": [
    [sysctl("net.ipv4.tcp_max_syn_backlog", "256"), "warning", "a second may bring 6,667"],
    [
      { ...sysctl("net.ipv4.tcp_max_syn_backlog", "256"), ...sysctl("net.ipv4.tcp_syncookies", "0") },
      "failed",
      "net.ipv4.tcp_syncookies is 0",
    ],
  ],
  "HF-M012": [[sysctl("net.core.netdev_max_backlog", "1000"), "warning", "4,096 are wanted"]],
  "HF-M013": [[sysctl("net.ipv4.ip_local_port_range", "60000 60999"), "warning", "1,000 ports"]],
  "HF-M014": [
    [
      sysctl("net.ipv4.ip_local_port_range", "1025 65535"),
      "warning",
      "8080, 8081 in the range 1025 to 65535",
    ],
    [
      {
        ...sysctl("net.ipv4.ip_local_port_range", "1025 65535"),
        ...sysctl("net.ipv4.ip_local_reserved_ports", "22,8080-8099"),
      },
      "ok",
      "no public port",
    ],
  ],
  "HF-M015": [[sysctl("net.ipv4.tcp_max_tw_buckets", "4096"), "warning", "a drain leaves 50,000"]],
  "HF-M020": [[sysctl("net.ipv4.tcp_mem", "1 2 100000"), "failed", "100,000 pages; 125,000 are wanted"]],
  "HF-M021": [
    [{ ...many, ...sysctl("net.ipv4.tcp_rmem", "4096 131072 6291456") }, "warning", "10,000 full ones"],
  ],
  "HF-M022": [
    [{ ...many, ...sysctl("net.ipv4.tcp_wmem", "4096 16384 4194304") }, "warning", "10,000 full ones"],
  ],
  "HF-M023": [[sysctl("net.netfilter.nf_conntrack_max", "65536"), "failed", "130,000 are wanted"]],
  "HF-M024": [
    [sysctl("net.netfilter.nf_conntrack_count", "1000000"), "warning", "(76 %)"],
    [sysctl("net.netfilter.nf_conntrack_count", "1310720"), "failed", "(100 %)"],
  ],
  "HF-M025": [
    [sysctl("net.netfilter.nf_conntrack_tcp_timeout_established", "432000"), "warning", "432,000 s"],
    [
      sysctl("net.netfilter.nf_conntrack_tcp_timeout_established", "30"),
      "failed",
      "30 s, and a ping every 25 s",
    ],
  ],
  "HF-M026": [
    [
      adapter({ conntrack_allowance_available: 50_000 }),
      "warning",
      "50,000 are left, and 100,000 are wanted",
    ],
    [adapter({ conntrack_allowance_exceeded: 7 }), "failed", "7 packets were dropped"],
    [adapter({ tx_bytes: 7 }), "skipped", "does not say"],
  ],
  "HF-M027": [
    [
      adapter({ pps_allowance_exceeded: 9, bw_in_allowance_exceeded: 1 }),
      "warning",
      "bw_in_allowance_exceeded = 1, pps_allowance_exceeded = 9",
    ],
  ],
  "HF-M030": [[{ "machine/memoryBytes": 2 * GIB }, "warning", "2.0 GiB; 100,000 connections need 3.2 GiB"]],
  "HF-M031": [
    [group(GIB / 2, 0), "failed", "512 MiB"],
    [group(Number.POSITIVE_INFINITY, 0), "ok", "no limit"],
  ],
  "HF-M032": [
    [group(GIB, 0.95 * GIB), "warning", "(95 %)"],
    [group(Number.POSITIVE_INFINITY, GIB), "ok", "without a limit"],
  ],
  "HF-M033": [[{ "machine/cpu": { cpus: 4, quota: 2.5 } }, "warning", "2.5 CPUs for 4 workers"]],
  "HF-M034": [[{ "machine/throttled": 0.2 }, "warning", "in 20 % of the periods"]],
  "HF-M035": [
    [
      { "machine/swapBytes": GIB, ...sysctl("vm.swappiness", "60") },
      "warning",
      "1.0 GiB, and vm.swappiness = 60",
    ],
    [{ "machine/swapBytes": GIB }, "ok", "vm.swappiness = 1"],
  ],
  "HF-M036": [[{ "machine/hugePages": "always" }, "warning", "always"]],
  "HF-M040": [[{ "machine/isClockKept": false }, "warning", "nothing keeps it right"]],
  "HF-M041": [[sysctl("kernel.random.entropy_avail", "30"), "warning", "30 bits"]],
  "HF-M042": [
    [{ "machine/temporary": folder({ isWritable: false }) }, "failed", "may not be written"],
    [{ "machine/temporary": folder({ path: `/${"x".repeat(60)}` }) }, "failed", "too long"],
    [{ "machine/temporary": folder({ freeBytes: 1024 }) }, "warning", "0.0 MiB left"],
  ],
  "HF-M043": [[{ "machine/disk": folder({ freeBytes: 1024 ** 2 }) }, "warning", "1.0 MiB left"]],
  "HF-M044": [[unit({ oomPolicy: "stop" }), "warning", "OOMPolicy=stop"]],
});
