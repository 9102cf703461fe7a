/**
 * Checks of open files: of a process, of the service, of the whole machine.
 */
import { LINUX, MACHINE_THRESHOLDS, openFilesNeeded } from "@holdfast/platform";
import { type Check, count, failed, given, ok, percent, warning } from "../check.js";
import { known, within } from "../facts/fact.js";
import { ruleOf, set, sysctl, sysctlNumbers, wanted } from "./readers.js";

const limits = [LINUX.openFilesPerProcess];
const RAISE = "Say `LimitNOFILE=1048576` in the unit, or `ulimit -Hn` in the shell that starts the gateway.";

export const DESCRIPTORS: readonly Check[] = [
  {
    code: "HF-M001",
    title: "open files, hard limit",
    why: "A connection is one file of its worker: beyond the limit connections are refused.",
    limits,
    mend: RAISE,
    judge: given(
      { wanted, files: ({ machine }) => machine.openFiles },
      ({ wanted: { connections, workers }, files }) => {
        const needed = openFilesNeeded(connections, workers);
        const found = `${count(files.hard)}; ${count(connections)} connections over ${workers} workers need ${count(needed)}`;
        return files.hard < needed ? failed(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-M002",
    title: "open files, soft limit",
    why: "Node.js raises its soft limit to the hard one at the start. One that stays lower was lowered on purpose, or by another program.",
    limits,
    mend: "Let the soft limit be the hard one: `ulimit -Sn` in the shell, or one number in `LimitNOFILE=`.",
    judge: given(
      { wanted, files: ({ machine }) => machine.openFiles },
      ({ wanted: { connections, workers }, files }) => {
        const needed = openFilesNeeded(connections, workers);
        const found = `${count(files.soft)} of ${count(files.hard)}`;
        return files.soft < needed ? warning(`${found}; ${count(needed)} are needed`) : ok(found);
      },
    ),
  },
  {
    code: "HF-M003",
    title: "LimitNOFILE of the service",
    why: "A service does not get the limits of a shell: systemd's default of 1024:524288 is for programs that watch few files.",
    limits,
    mend: "Say `LimitNOFILE=1048576` in a drop-in of the unit; `holdfast tune` prints one.",
    judge: given(
      { wanted, unit: ({ machine }) => machine.unit },
      ({ wanted: { connections, workers }, unit }) => {
        const needed = openFilesNeeded(connections, workers);
        const found = `LimitNOFILE=${count(unit.limitNofile)}; ${count(needed)} are needed`;
        return unit.limitNofile < needed ? failed(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-M004",
    title: "most open files of a process",
    why: "No process may be given more: a larger `LimitNOFILE=` keeps the service from starting.",
    limits,
    mend: set("fs.nr_open", LINUX.openFilesPerProcess.value),
    judge: given({ wanted, most: sysctl("fs.nr_open") }, ({ wanted: { connections, workers }, most }) => {
      const needed = openFilesNeeded(connections, workers);
      const found = `fs.nr_open = ${count(most)}`;
      return most < needed ? failed(`${found}; ${count(needed)} are needed`) : ok(found);
    }),
  },
  {
    code: "HF-M005",
    title: "open files of the machine",
    why: "It counts the files of all processes: beyond it no process opens any.",
    limits: [LINUX.fileMaxFactor, LINUX.fileMaxExtra],
    mend: "Raise `fs.file-max` in `/etc/sysctl.d/60-holdfast.conf`; `holdfast tune` prints the file.",
    judge: given({ wanted, most: sysctl("fs.file-max") }, ({ wanted: { connections, workers }, most }) => {
      const needed = connections * LINUX.fileMaxFactor.value + LINUX.fileMaxExtra.value;
      const found = `fs.file-max = ${count(most)}; ${count(Math.ceil(needed))} are wanted`;
      return most < needed
        ? failed(found, set("fs.file-max", ruleOf("fs.file-max", connections, workers)))
        : ok(found);
    }),
  },
  {
    code: "HF-M006",
    title: "open files in use",
    why: "Another program that leaks files takes those of the gateway.",
    limits: [MACHINE_THRESHOLDS.fileUseShare],
    mend: "Look for the process with most entries in `/proc/<pid>/fd`, or raise `fs.file-max`.",
    judge: given({ used: sysctlNumbers("fs.file-nr") }, ({ used: [open = 0, , most = 1] }) => {
      const found = `${count(open)} of ${count(most)} (${percent(open / most)})`;
      return open / most > MACHINE_THRESHOLDS.fileUseShare.value ? warning(found) : ok(found);
    }),
  },
  {
    code: "HF-M007",
    title: "watched descriptors of a user",
    why: "All workers are one user: beyond it a connection is accepted and cannot be read.",
    limits: [LINUX.watchesPerConnection],
    mend: "Raise `fs.epoll.max_user_watches`; `holdfast tune` prints the line.",
    judge: given(
      { wanted, most: sysctl("fs.epoll.max_user_watches") },
      ({ wanted: { connections }, most }) => {
        const needed = Math.ceil(connections * LINUX.watchesPerConnection.value);
        const found = `fs.epoll.max_user_watches = ${count(most)}; ${count(needed)} are wanted`;
        return most < needed ? failed(found) : ok(found);
      },
    ),
  },
  {
    code: "HF-M008",
    title: "threads of the service",
    why: "Each worker is a process of about a dozen threads: where no more may be made, a worker that ended is not replaced.",
    limits: [MACHINE_THRESHOLDS.threadsPerProcess],
    mend: "Say `TasksMax=4096` in a drop-in of the unit, or raise the container's limit of pids.",
    judge: given(
      {
        wanted,
        most: ({ machine }) => {
          const unit = within(machine.unit, ({ tasksMax }) => known(tasksMax));
          return "value" in unit ? unit : machine.pidsMax;
        },
      },
      ({ wanted: { workers }, most }) => {
        const needed = (workers + 1) * MACHINE_THRESHOLDS.threadsPerProcess.value;
        const found = `${count(most)}; ${workers + 1} processes have about ${needed} threads`;
        return most < needed ? failed(found) : ok(found);
      },
    ),
  },
];
