/**
 * Linux: memory of a connection, files, queues, buffers, connection tracking.
 *
 * Settings that depend on the number of connections are in sysctl.ts; here are the constants of their
 * rules.
 */
import { limit } from "../limit.js";

const FS = "docs.kernel.org/admin-guide/sysctl/fs.html";
const NET = "docs.kernel.org/admin-guide/sysctl/net.html";
const IP = "docs.kernel.org/networking/ip-sysctl.html";
const CT = "docs.kernel.org/networking/nf_conntrack-sysctl.html";
const SLAB = "slab object sizes of Linux 6.18";

export const LINUX = Object.freeze({
  slabBytesPerConnection: limit(
    "linux.slab-bytes-per-connection",
    3994,
    "bytes",
    "documented",
    SLAB,
    "Objects of one idle TCP connection: socket, inode, file, dentry, epoll item, descriptor. The least that the kernel takes.",
  ),
  stallBytesPerConnection: limit(
    "linux.stall-bytes-per-connection",
    4096,
    "bytes",
    "documented",
    SLAB,
    "A socket with one unread message is charged one page. All of them may be unread at once when readers stall.",
  ),
  pageBytes: limit("linux.page-bytes", 4096, "bytes", "documented", IP, "The unit of `tcp_mem`."),
  systemBytes: limit(
    "linux.system-bytes",
    2 * 1024 ** 3,
    "bytes",
    "rule",
    "this project",
    "Kept free for the system, its agents and the page cache.",
  ),
  openFilesPerProcess: limit(
    "linux.open-files-per-process",
    1_048_576,
    "files",
    "documented",
    FS,
    "The default of `fs.nr_open`, and `LimitNOFILE=` of our unit. A connection is one file of its worker.",
  ),
  fileMaxFactor: limit(
    "linux.file-max-factor",
    1.2,
    "files per connection",
    "rule",
    "this project",
    "`fs.file-max` counts the files of all processes.",
  ),
  fileMaxExtra: limit(
    "linux.file-max-extra",
    65_536,
    "files",
    "rule",
    "this project",
    "Files of everything else on the machine.",
  ),
  watchesPerConnection: limit(
    "linux.epoll-watches-per-connection",
    1.2,
    "watches per connection",
    "rule",
    "epoll(7)",
    "`fs.epoll.max_user_watches` is for all processes of one user; its default of 4 % of memory is too few below about 5 GiB.",
  ),
  mostBacklog: limit(
    "linux.most-backlog",
    65_535,
    "connections",
    "documented",
    NET,
    "Longest accept queue. The value in force is the smaller one of `net.core.somaxconn` and the gateway's `backlog`.",
  ),
  packetsPerCpu: limit(
    "linux.packets-per-cpu",
    1024,
    "packets",
    "rule",
    NET,
    "`net.core.netdev_max_backlog` for each CPU; at most 65,536.",
  ),
  tcpMemPagesPerConnection: limit(
    "linux.tcp-mem-pages-per-connection",
    1.25,
    "pages",
    "rule",
    IP,
    "Third value of `tcp_mem`. In a public run with a million connections a small one aborted 21,000 of them.",
  ),
  timeWaitSeconds: limit(
    "linux.time-wait-seconds",
    60,
    "seconds",
    "documented",
    IP,
    "A socket that closed first stays so long in TIME_WAIT, at 256 bytes. In a drain that side is the gateway.",
  ),
  conntrackBytes: limit(
    "linux.conntrack-bytes",
    256,
    "bytes",
    "documented",
    CT,
    "One tracked connection, where connection tracking is loaded.",
  ),
  conntrackFactor: limit(
    "linux.conntrack-factor",
    1.3,
    "entries per connection",
    "rule",
    CT,
    "A full table drops new connections in silence, SSH too; seen at exactly 1,048,576 in a public run.",
  ),
  conntrackEstablishedSeconds: limit(
    "linux.conntrack-established-seconds",
    3600,
    "seconds",
    "rule",
    CT,
    "The default of 432,000 s (five days) lets dead peers fill the table. Far above any ping interval.",
  ),
  sourcePorts: limit(
    "linux.source-ports",
    64_511,
    "connections",
    "documented",
    IP,
    "Outgoing connections of one source address to one destination address and port, with `ip_local_port_range` at 1025-65535.",
  ),
});
