/**
 * The files of deploy/ are what systemd, sysctl and the gateway take. Every rule is shown a planted error
 * first.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { loadSettings } from "../packages/cli/src/config/load.js";
import { settingKeys } from "../packages/cli/src/config/schema.js";
import { envOf } from "../packages/cli/src/config/setting.js";
import { parseDuration } from "../packages/cli/src/config/values/duration.js";
import { checkSysctl, checkUnit, directive, readEnvironmentFile } from "./deploy-rules.js";

const read = (file: string): string => readFileSync(`deploy/${file}`, "utf8");
const shown = (problems: readonly { line: number; problem: string }[]): string[] =>
  problems.map(({ line, problem }) => `${line} ${problem}`);

/** Beyond the drain window: the primary's grace of 10 s, and time to end. */
const STOP_ROOM_MS = 15_000;

describe("deploy/", () => {
  it("has a unit that systemd reads as it is meant", () => {
    expect(shown(checkUnit(read("systemd/holdfast.service")))).toEqual([]);
  });

  it("gives a stop more time than the drain window and the primary's grace", () => {
    const window = readEnvironmentFile(read("systemd/holdfast.env"), { comments: false }).get(
      envOf("drainWindow"),
    );
    const stop = parseDuration(directive(read("systemd/holdfast.service"), "TimeoutStopSec") ?? "");
    expect(stop).toBeGreaterThanOrEqual((parseDuration(window ?? "") ?? 0) + STOP_ROOM_MS);
  });

  it("has an environment whose every name is a setting and whose values start a gateway", () => {
    const file = read("systemd/holdfast.env");
    const named = readEnvironmentFile(file, { comments: true });
    expect([...named.keys()].filter((name) => !settingKeys.map(envOf).includes(name))).toEqual([]);
    const env = Object.fromEntries(readEnvironmentFile(file, { comments: false }));
    const machine = {
      cpus: 16,
      openFiles: 1_048_576,
      memoryBytes: 2 ** 34,
      platform: "linux",
      nodeVersion: "22.12.0",
    };
    const { settings } = loadSettings({ flags: {}, env, file: undefined, machine });
    expect(settings).toMatchObject({ host: "0.0.0.0", anonymous: true });
  });

  it("has kernel settings that sysctl takes, each with its reason", () => {
    expect(shown(checkSysctl(read("sysctl/60-holdfast.conf")))).toEqual([]);
  });
});

describe("deploy/aws", () => {
  it("has a test for each fact of docs/aws.md, by the words that the table has for it", () => {
    const document = readFileSync("docs/aws.md", "utf8");
    const [, table = ""] = document.split("| fact | test |");
    const rows = [...table.matchAll(/^\| (.+) \| (`.+) \|$/gm)];
    expect(rows.length).toBeGreaterThan(40);
    const missing = rows.flatMap(([, fact = "", tests = ""]) =>
      [...tests.matchAll(/`([^`]+)`: (.+?)(?=, `|$)/g)].flatMap(([, file = "", phrases = ""]) => {
        const text = readFileSync(file, "utf8").replace(/\s+/g, " ");
        return phrases
          .split("; ")
          .flatMap((each) => (text.includes(each) ? [] : [`${fact}: ${file}: ${each}`]));
      }),
    );
    expect(missing).toEqual([]);
  });
});

describe("deploy/docker", () => {
  const dockerfile = read("docker/Dockerfile");
  const compose = read("docker/compose.yaml");

  it("has an image that runs without rights, with a process 1 that reaps, and says whether it is healthy", () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));
    for (const line of [
      /^USER 10001$/m,
      /^ENTRYPOINT \["\/sbin\/tini", "--", "holdfast"\]$/m,
      /^CMD \["start"\]$/m,
      /^VOLUME \/tmp$/m,
    ])
      expect(last).toMatch(line);
    expect(last).toMatch(/^HEALTHCHECK [\s\S]*\/healthz/m);
    expect(last).not.toMatch(/npm|COPY \. /);
  });

  it("packs the packages that an installation needs", () => {
    const packed = (text: string): string[] =>
      [...text.matchAll(/-w (packages\/\w+)/g)].map(([, name = ""]) => name);
    const wanted = Object.keys(JSON.parse(readFileSync("packages/cli/package.json", "utf8")).dependencies)
      .filter((name) => name.startsWith("@holdfast/"))
      .map((name) => `packages/${name.slice("@holdfast/".length)}`);
    for (const file of ["docker/Dockerfile", "aws/bin/pack.sh"])
      expect(packed(read(file))).toEqual(expect.arrayContaining([...wanted, "packages/cli"]));
  });

  it("has settings that start a gateway, and a stop that outlasts its drain", () => {
    const env = Object.fromEntries(
      [...compose.matchAll(/^ {4}(HOLDFAST_\w+): "?([^"\n]+)"?$/gm)].map(([, name = "", value = ""]) => [
        name,
        value,
      ]),
    );
    expect(Object.keys(env).filter((name) => !settingKeys.map(envOf).includes(name))).toEqual([]);
    const machine = {
      cpus: 2,
      openFiles: 1_048_576,
      memoryBytes: 2 ** 33,
      platform: "linux",
      nodeVersion: "22.12.0",
    };
    const { settings } = loadSettings({
      flags: {},
      env: { ...env, HOLDFAST_HOST: "0.0.0.0" },
      file: undefined,
      machine,
    });
    const grace = parseDuration(/stop_grace_period: (\w+)/.exec(compose)?.[1] ?? "") ?? 0;
    expect(grace).toBeGreaterThanOrEqual(settings.drainDelay + settings.drainWindow + STOP_ROOM_MS);
    expect(compose).toMatch(/read_only: true/);
    expect(compose).toMatch(/maxmemory-policy, noeviction/);
  });
});

describe("a planted error is found", () => {
  it("in kernel settings", () => {
    const text = [
      "# why",
      "net.core.somaxconn = 65535",
      "",
      "net.core.somaxconn = 1",
      "# why",
      "net.ipv4.tcp_mem = 1 2 3 # not a comment",
      "# why",
      "net.ipv4.tcp_fin_timeout: 20",
      "# why",
      "-net.netfilter.nf_conntrack_max = many",
    ].join("\n");
    expect(shown(checkSysctl(text))).toEqual([
      "4 net.core.somaxconn: said twice",
      "4 net.core.somaxconn: no comment above it says why",
      "6 net.ipv4.tcp_mem: 1 2 3 # not a comment is not a number or a list of numbers",
      "8 net.ipv4.tcp_fin_timeout: 20: not `key = value`",
      "10 net.netfilter.nf_conntrack_max: many is not a number or a list of numbers",
    ]);
  });

  it("in units", () => {
    const text = [
      "[Unit]",
      "Description=x",
      "LimitNOFILE=1",
      "[Services]",
      "[Service]",
      "LimitNoFile=1",
      "Restart=always # for ever",
      "Restart=no",
      "NoNewPrivileges: yes",
    ].join("\n");
    expect(shown(checkUnit(text))).toEqual([
      "3 LimitNOFILE: not a directive of [Unit]",
      "4 [Services]: no such section",
      "6 LimitNoFile: not a directive of [Service]",
      "7 Restart: a comment behind a value is part of the value",
      "8 Restart: said twice",
      "9 NoNewPrivileges: yes: not `Key=value`",
    ]);
  });
});
