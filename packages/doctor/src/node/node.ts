/**
 * Checks of the runtime that a gateway starts with.
 */
import { NODE } from "@holdfast/platform";
import { bytes, type Check, failed, given, ok, warning } from "../check.js";
import { known } from "../facts/fact.js";
import type { Facts } from "../facts/facts.js";
import { isBelow } from "../version.js";

const node = ({ node: facts }: Facts) => known(facts);
const DAY_MS = 86_400_000;

export const NODE_CHECKS: readonly Check[] = [
  {
    code: "HF-N001",
    title: "version of Node.js",
    why: "Older ones lack what the gateway uses of the kernel's handles.",
    limits: [NODE.oldest],
    mend: "Install a current Node.js.",
    judge: given({ node }, ({ node: { version } }) =>
      isBelow(version, NODE.oldest.value)
        ? failed(`${version}; ${NODE.oldest.value} is the oldest`)
        : ok(version),
    ),
  },
  {
    code: "HF-N002",
    title: "support of this Node.js",
    why: "A version without support gets no fixes of its HTTP parser and its TLS.",
    limits: [NODE.supportEnds],
    mend: "Install a version with an even number that is supported: nodejs.org/en/about/previous-releases.",
    judge: given({ node }, ({ node: { version, nowMs } }) => {
      const major = Number(version.split(".")[0]);
      const end = endsOf(NODE.supportEnds.value).get(major);
      if (major % 2 === 1) return warning(`${version} is of an odd line, which is supported for months`);
      if (end === undefined) return ok(`${version}; the end of its support is not known here`);
      const days = Math.floor((end - nowMs) / DAY_MS);
      const day = new Date(end).toISOString().slice(0, 10);
      return days < 0 ? warning(`support of ${version} ended on ${day}`) : ok(`supported until ${day}`);
    }),
  },
  {
    code: "HF-N003",
    title: "runtime",
    why: "The gateway holds connections on handles of Node.js itself, which look-alikes do not have.",
    limits: [],
    mend: "Start the gateway with Node.js.",
    judge: given({ node }, ({ node: { runtime } }) =>
      runtime === "node" ? ok("Node.js") : failed(`${runtime}, which is not Node.js`),
    ),
  },
  {
    code: "HF-N004",
    title: "architecture",
    why: "A 32-bit process has about 2 GiB of addresses, whatever the machine has.",
    limits: [NODE.defaultHeapBytes],
    mend: "Install the 64-bit build: arm64 or x64.",
    judge: given({ node }, ({ node: { architecture } }) =>
      ["x64", "arm64", "ppc64", "s390x", "riscv64", "loong64"].includes(architecture)
        ? ok(architecture)
        : failed(`${architecture} is not known as 64-bit`),
    ),
  },
  {
    code: "HF-N005",
    title: "heaps of all workers",
    why: "A flag gives each worker so much: together they may have more than there is, and the kernel kills one.",
    limits: [NODE.heapShare],
    mend: "Leave `--max-old-space-size` out: the gateway divides half of the memory among its workers.",
    judge: given(
      { node, wanted: (facts) => facts.wanted, memory: ({ machine }) => machine.memoryBytes },
      ({ node: { flags }, wanted: { workers }, memory }) => {
        const heap = heapBytes(flags);
        if (heap === undefined) return ok("the gateway's own rule");
        const found = `${workers} heaps of ${bytes(heap)} in ${bytes(memory)}`;
        return workers * heap > memory ? failed(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-N006",
    title: "debugger",
    why: "Whoever reaches the inspector's port runs code in the gateway.",
    limits: [],
    mend: "Leave `--inspect` out of the flags and of NODE_OPTIONS; `kill -USR1` opens it for one worker on loopback.",
    judge: given({ node }, ({ node: { flags } }) => {
      const flag = flags.find((each) => each.startsWith("--inspect"));
      if (flag === undefined) return ok("not open");
      const host = flag.split("=")[1] ?? "";
      return /^(?:\d+|127\.[\d.]+(?::\d+)?|localhost(?::\d+)?|\[?::1\]?(?::\d+)?|)$/.test(host)
        ? warning(`${flag}, on loopback`)
        : failed(`${flag}, for other machines`);
    }),
  },
  {
    code: "HF-N007",
    title: "certificates are checked",
    why: "With NODE_TLS_REJECT_UNAUTHORIZED=0 anybody on the way may be Redis, the issuer of keys, or the application.",
    limits: [],
    mend: "Unset the variable, and name your own authority in NODE_EXTRA_CA_CERTS.",
    judge: given({ node }, ({ node: { tlsRejectUnauthorized: value } }) =>
      value === "0" ? failed("NODE_TLS_REJECT_UNAUTHORIZED=0") : ok("they are"),
    ),
  },
  {
    code: "HF-N008",
    title: "variables for debugging",
    why: "They make every worker write or keep something for each message.",
    limits: [],
    mend: "Unset them for the service.",
    judge: given({ node }, ({ node: { debugVariables } }) =>
      debugVariables.length === 0 ? ok("none is set") : warning(`${debugVariables.join(", ")}`),
    ),
  },
  {
    code: "HF-N009",
    title: "user",
    why: "The gateway needs no privileges. As root a fault in it is a fault of the whole machine.",
    limits: [],
    mend: "Run it as a user of its own: `DynamicUser=yes` in the unit, `USER node` in an image.",
    judge: given({ user: (facts) => facts.node.userId }, ({ user }) =>
      user === 0 ? warning("root") : ok(`user id ${user}`),
    ),
  },
];

/** `20: 2026-04-30, 22: …` as ms by major version. */
function endsOf(text: string): ReadonlyMap<number, number> {
  return new Map(
    text.split(", ").map((each) => {
      const [major = "", day = ""] = each.split(": ");
      return [Number(major), Date.parse(`${day}T23:59:59Z`)] as const;
    }),
  );
}

function heapBytes(flags: readonly string[]): number | undefined {
  const said = flags.findLast((each) => each.replaceAll("_", "-").startsWith("--max-old-space-size="));
  return said === undefined ? undefined : Number(said.split("=")[1]) * 1024 ** 2;
}
