/**
 * Checks of what surrounds a gateway on its machine: clock, randomness, folders, the service's own rules.
 */
import { MACHINE_THRESHOLDS } from "@holdfast/platform";
import { bytes, type Check, count, failed, given, ok, warning } from "../check.js";
import { sysctl } from "./readers.js";

const { clockSkewMs, entropyLeast, freeDiskBytes, socketPathLength } = MACHINE_THRESHOLDS;
/** What the gateway adds to the temporary folder for a socket between workers, bytes. */
const SOCKET_NAME = 50;

export const SYSTEM: readonly Check[] = [
  {
    code: "HF-M040",
    title: "clock",
    why: "Tokens, tickets and revocations are compared with the clocks of others.",
    limits: [clockSkewMs],
    mend: "Run `systemd-timesyncd` or `chronyd`; on EC2 the server is 169.254.169.123.",
    judge: given({ isKept: ({ machine }) => machine.isClockKept }, ({ isKept }) =>
      isKept ? ok("something keeps it right") : warning("nothing keeps it right"),
    ),
  },
  {
    code: "HF-M041",
    title: "randomness",
    why: "Session ids and keys wait for it on an old kernel.",
    limits: [entropyLeast],
    mend: "Update the kernel, or install `rng-tools`.",
    judge: given({ bits: sysctl("kernel.random.entropy_avail") }, ({ bits }) => {
      const found = `${count(bits)} bits`;
      return bits < entropyLeast.value ? warning(found) : ok(found);
    }),
  },
  {
    code: "HF-M042",
    title: "temporary folder",
    why: "Workers meet at sockets there: requests of another worker's session are passed on by them.",
    limits: [socketPathLength, freeDiskBytes],
    mend: "Name a folder that may be written, has room and a short path, in the variable `TMPDIR`; `PrivateTmp=yes` gives the service one.",
    judge: given(
      { folder: ({ machine }) => machine.temporary },
      ({ folder: { path, isWritable, freeBytes } }) => {
        if (!isWritable) return failed(`${path} may not be written`);
        if (path.length + SOCKET_NAME > socketPathLength.value)
          return failed(`${path} is too long for a socket's path`);
        const found = `${path} has ${bytes(freeBytes)} left`;
        return freeBytes < freeDiskBytes.value ? warning(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-M043",
    title: "disk",
    why: "Where the log cannot be written, its lines are lost, and a machine with a full disk does not start services again.",
    limits: [freeDiskBytes],
    mend: "Make room, and limit the journal (`SystemMaxUse=`).",
    judge: given({ folder: ({ machine }) => machine.disk }, ({ folder: { path, freeBytes } }) => {
      const found = `${path} has ${bytes(freeBytes)} left`;
      return freeBytes < freeDiskBytes.value ? warning(found) : ok(found);
    }),
  },
  {
    code: "HF-M044",
    title: "what systemd does after the kernel killed a worker",
    why: "The primary replaces it; systemd's default stops the whole service.",
    limits: [],
    mend: "Say `OOMPolicy=continue` in a drop-in of the unit; `holdfast tune` prints one.",
    judge: given({ unit: ({ machine }) => machine.unit }, ({ unit: { oomPolicy } }) =>
      oomPolicy === "continue" ? ok("OOMPolicy=continue") : warning(`OOMPolicy=${oomPolicy}`),
    ),
  },
];
