/**
 * What an instance runs at its first start: packages, kernel settings, the service, the agent.
 *
 * Pure text. Kernel settings come from @holdfast/platform and the unit from deploy/systemd, so that a
 * machine of the kit is the machine that the documents describe. Invariant: no secret is in it; the
 * instance reads secrets with its own role.
 */
import { readFileSync } from "node:fs";
import { sysctlFor, sysctlText } from "@holdfast/platform";
import { ADMIN_PORT } from "./shape.js";

export interface UserDataInput {
  readonly connections: number;
  readonly cpus: number;
  readonly region: string;
  /** Name to value, of /etc/holdfast/holdfast.env. */
  readonly settings: Readonly<Record<string, string>>;
  /** Shell variables that are filled from a store of secrets: name to `secretWord`. */
  readonly variables: Readonly<Record<string, string>>;
  /** Of /etc/holdfast/secrets.env: name to text in which `$variable` stands for a secret. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly stopSeconds: number;
  /** Shell lines that put the packages into /opt/holdfast. */
  readonly install: readonly string[];
  readonly agent: readonly string[];
  /** Where the instance finds out that it serves. */
  readonly healthPort: number;
}

/** EC2 takes 16 KiB of user data. */
export const USER_DATA_MOST_BYTES = 16_384;

export function userDataText(input: UserDataInput): string {
  return [
    "#!/bin/bash",
    "set -euo pipefail",
    "exec > >(tee -a /var/log/holdfast-setup.log) 2>&1",
    "dnf install -y nodejs22 nodejs22-npm ethtool",
    "mkdir -p /etc/holdfast /opt/holdfast",
    ...file("/etc/sysctl.d/60-holdfast.conf", "644", kernelText(input)),
    "sysctl --system",
    ...file("/etc/holdfast/holdfast.env", "600", envText(input.settings)),
    ...secretsScript(input),
    ...input.install,
    ...file("/etc/systemd/system/holdfast.service", "644", unitText(input.stopSeconds)),
    ...file("/etc/systemd/system/holdfast-agent.service", "644", agentUnitText(input.agent)),
    "systemctl daemon-reload",
    "systemctl enable --now holdfast.service holdfast-agent.service",
    // A start that fails shows in the log of the setup, and the health check keeps the instance out of
    // service.
    `for n in $(seq 60); do curl -fsS -o /dev/null http://127.0.0.1:${input.healthPort}/healthz && break; sleep 2; done`,
    "",
  ].join("\n");
}

/** Without the reasons, which stand in deploy/sysctl: a template and user data are limited in bytes. */
function kernelText({ connections, cpus }: UserDataInput): string {
  const text = withoutComments(sysctlText(sysctlFor(connections, { cpus }), ""));
  return `# Made by the AWS kit for ${connections} connections. Reasons: deploy/sysctl/60-holdfast.conf\n${text}`;
}

function file(path: string, mode: string, text: string): string[] {
  return [`cat > ${path} <<'HOLDFAST_END'`, text.trimEnd(), "HOLDFAST_END", `chmod ${mode} ${path}`];
}

function envText(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join("\n");
}

/** An assignment that fails ends the script; a failure inside `echo` would not. */
function secretsScript({ variables, secrets }: UserDataInput): string[] {
  return [
    ...Object.entries(variables).map(([name, word]) => `${name}="${word}"`),
    "umask 077",
    ": > /etc/holdfast/secrets.env",
    ...Object.entries(secrets).map(([name, text]) => `echo "${name}=${text}" >> /etc/holdfast/secrets.env`),
    "umask 022",
  ];
}

/** deploy/systemd/holdfast.service with the kit's time to stop and its second environment file. */
export function unitText(stopSeconds: number): string {
  const unit = readFileSync(new URL("../../systemd/holdfast.service", import.meta.url), "utf8");
  return withoutComments(unit)
    .replace(/^TimeoutStopSec=.*$/m, `TimeoutStopSec=${stopSeconds}s`)
    .replace(/^EnvironmentFile=.*$/m, (line) => `${line}\nEnvironmentFile=-/etc/holdfast/secrets.env`);
}

function agentUnitText(flags: readonly string[]): string {
  return [
    "[Unit]",
    "Description=Holdfast agent: lifecycle, Spot notices, metrics",
    "After=network-online.target holdfast.service",
    "Wants=network-online.target",
    "[Service]",
    "Type=exec",
    `ExecStart=/opt/holdfast/node_modules/.bin/holdfast aws agent --url http://127.0.0.1:${ADMIN_PORT} ${flags.join(" ")}`,
    "EnvironmentFile=-/etc/holdfast/secrets.env",
    "Environment=NODE_ENV=production",
    "Restart=always",
    "RestartSec=5s",
    "DynamicUser=yes",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "[Install]",
    "WantedBy=multi-user.target",
  ].join("\n");
}

function withoutComments(text: string): string {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .join("\n");
}
