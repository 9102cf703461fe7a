/**
 * What may be wrong with the files of deploy/: lines that systemd or sysctl would not take as they are meant.
 *
 * Syntax and the names of keys only; whether a value is wise stands in the comment above it.
 */

export interface DeployProblem {
  readonly line: number;
  readonly problem: string;
}

/**
 * sysctl.d(5): `key = value` or a comment. A leading dash ignores errors. Each value has its reason above it.
 */
export function checkSysctl(text: string): DeployProblem[] {
  const problems: DeployProblem[] = [];
  const seen = new Set<string>();
  let before = "";
  text.split("\n").forEach((line, index) => {
    const report = (problem: string): unknown => problems.push({ line: index + 1, problem });
    if (line !== "" && !/^[#;]/.test(line)) {
      const [, key = "", value = ""] = /^-?([^=\s]+)\s*=\s*(.*)$/.exec(line) ?? [];
      if (!/^(fs|net|vm|kernel)(\.[a-z0-9_-]+)+$/.test(key)) report(`${line}: not \`key = value\``);
      else if (!/^\d+( \d+)*$/.test(value)) report(`${key}: ${value} is not a number or a list of numbers`);
      if (seen.has(key)) report(`${key}: said twice`);
      if (!before.startsWith("#")) report(`${key}: no comment above it says why`);
      seen.add(key);
    }
    before = line;
  });
  return problems;
}

/**
 * Directives of systemd 252 that a service of ours may use; a misspelt one is ignored by systemd with a
 * warning.
 */
const DIRECTIVES: Readonly<Record<string, string>> = {
  Unit: "Description Documentation After Before Wants Requires StartLimitIntervalSec StartLimitBurst",
  Service: `Type ExecStart ExecStartPre ExecReload WorkingDirectory Environment EnvironmentFile User Group DynamicUser
    KillMode KillSignal TimeoutStartSec TimeoutStopSec Restart RestartSec RestartPreventExitStatus SuccessExitStatus
    OOMPolicy OOMScoreAdjust LimitNOFILE LimitNPROC LimitCORE TasksMax MemoryMax MemoryHigh CPUQuota CPUAffinity Nice
    NoNewPrivileges CapabilityBoundingSet AmbientCapabilities UMask ProtectSystem ProtectHome PrivateTmp PrivateDevices
    PrivateUsers ProtectClock ProtectControlGroups ProtectHostname ProtectKernelLogs ProtectKernelModules
    ProtectKernelTunables ProtectProc ProcSubset RemoveIPC RestrictAddressFamilies RestrictNamespaces RestrictRealtime
    RestrictSUIDSGID LockPersonality MemoryDenyWriteExecute SystemCallArchitectures SystemCallFilter
    SystemCallErrorNumber StateDirectory RuntimeDirectory ReadWritePaths StandardOutput StandardError
    SyslogIdentifier`,
  Install: "WantedBy RequiredBy Alias",
};
const REPEATABLE = ["Environment", "EnvironmentFile", "ExecStartPre", "After", "Wants", "SystemCallFilter"];

/** systemd.syntax(7): sections, `Key=value`, whole-line comments. */
export function checkUnit(text: string): DeployProblem[] {
  const problems: DeployProblem[] = [];
  const seen = new Set<string>();
  let section = "";
  text.split("\n").forEach((line, index) => {
    const report = (problem: string): unknown => problems.push({ line: index + 1, problem });
    if (line === "" || /^[#;]/.test(line)) return;
    const header = /^\[(\w+)\]$/.exec(line)?.[1];
    if (header !== undefined) {
      section = header;
      if (DIRECTIVES[section] === undefined) report(`[${section}]: no such section`);
      return;
    }
    const [, key = "", value = ""] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === "") {
      report(`${line}: not \`Key=value\``);
      return;
    }
    if (!DIRECTIVES[section]?.split(/\s+/).includes(key)) report(`${key}: not a directive of [${section}]`);
    if (/\s#/.test(value)) report(`${key}: a comment behind a value is part of the value`);
    if (seen.has(key) && !REPEATABLE.includes(key)) report(`${key}: said twice`);
    seen.add(key);
  });
  return problems;
}

/** The value of a directive. */
export function directive(text: string, key: string): string | undefined {
  return new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1];
}

/**
 * systemd.exec(5): the variables of an EnvironmentFile, those in comments (`#NAME=value`) included where
 * asked.
 */
export function readEnvironmentFile(
  text: string,
  { comments }: { readonly comments: boolean },
): Map<string, string> {
  const variables = new Map<string, string>();
  for (const [, hash = "", name = "", value = ""] of text.matchAll(/^(#?)([A-Z][A-Z0-9_]*)=(.*)$/gm)) {
    if (comments || hash === "") variables.set(name, value);
  }
  return variables;
}
