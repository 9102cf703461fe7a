import { describe, expect, it } from "@jest/globals";
import type { Machine } from "../machine/machine.js";
import { parseConfig } from "./file.js";
import { type FlagValues, type Loaded, loadSettings } from "./load.js";
import { printFile } from "./print.js";
import { ConfigProblems } from "./problem.js";
import { settingKeys, settingOf } from "./schema.js";
import { envOf, flagOf } from "./setting.js";

const machine: Machine = {
  cpus: 4,
  openFiles: 1_048_576,
  memoryBytes: 8 * 1024 ** 3,
  platform: "linux",
  nodeVersion: "22.12.0",
};

interface Said {
  readonly flags?: FlagValues;
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: Readonly<Record<string, unknown>>;
  readonly on?: Machine;
}

function load({ flags = {}, env = {}, file, on = machine }: Said): Loaded {
  const content = file && { path: "holdfast.json", content: file };
  return loadSettings({ flags, env, file: content, machine: on });
}

/** The lines of the one message, without its headline. */
function problemsOf(said: Said): string[] {
  try {
    load(said);
  } catch (error) {
    if (!(error instanceof ConfigProblems)) throw error;
    expect(error.exitCode).toBe(2);
    const [headline, ...lines] = error.message.split("\n");
    const count = lines.length === 1 ? "1 problem" : `${lines.length} problems`;
    expect(headline).toBe(`${count} in the configuration:`);
    return lines.map((line) => line.trim());
  }
  throw new Error("no problem was found");
}

/** What else must be said for an example to pass the rules between settings. */
const company: Readonly<Record<string, unknown>> = {
  anonymous: true,
  adminKey: "another-key-of-some-length",
  redis: "redis://10.0.0.9",
  webhookSecret: "another-secret-of-more-than-32-characters",
  tlsCert: ["public.crt"],
  tlsKey: ["public.key"],
  adminTlsCert: ["admin.crt"],
  adminTlsKey: ["admin.key"],
};

describe("every setting", () => {
  it.each(settingKeys)("%s reads the same from flag, environment and file, and as it is printed", (key) => {
    const { example, shape } = settingOf(key);
    const text = shape.toText(example);
    const flag = shape.placeholder === undefined ? (example as boolean) : text;
    const fromFlag = load({ flags: { [key]: flag }, file: company });
    const fromEnv = load({ env: { [envOf(key)]: text }, file: company });
    const fromFile = load({ file: { ...company, [key]: example } });
    expect(fromFlag.settings[key]).not.toEqual(load({}).settings[key]);
    expect(fromEnv.settings).toEqual(fromFlag.settings);
    expect(fromFile.settings).toEqual(fromFlag.settings);
    expect([fromFlag, fromEnv, fromFile].map(({ sources }) => sources[key])).toEqual([
      flagOf(key),
      envOf(key),
      "holdfast.json",
    ]);
    const { text: printed } = printFile(fromFlag, { showSecrets: true });
    expect(load({ file: parseConfig("printed", printed) }).settings).toEqual(fromFlag.settings);
  });

  it("is said by flag before environment before file before default", () => {
    const file = { port: 1003, adminPort: 1013, backlog: 7 };
    const { settings, sources } = load({
      flags: { port: "1001" },
      env: { HOLDFAST_PORT: "1002", HOLDFAST_ADMIN_PORT: "1012" },
      file,
    });
    expect([settings.port, settings.adminPort, settings.backlog]).toEqual([[1001], 1012, 7]);
    expect([sources.port, sources.adminPort, sources.backlog, sources.host]).toEqual([
      "--port",
      "HOLDFAST_ADMIN_PORT",
      "holdfast.json",
      "default",
    ]);
  });

  it("counts an empty variable as unset", () => {
    expect(load({ env: { HOLDFAST_REDIS: "" } }).sources.redis).toBe("default");
  });

  it("leaves the variables of the test tools alone, which are no settings", () => {
    const others = { HOLDFAST_TEST_REDIS_SERVER: "/opt/redis/bin/redis-server", HOLDFAST_SWARM_KEY: "key" };
    const { settings } = load({ env: others });
    expect(settings.port).toEqual(load({}).settings.port);
  });

  it("may be undone by a flag where it is yes or no", () => {
    expect(
      load({ flags: { anonymous: false }, env: { HOLDFAST_ANONYMOUS: "true" } }).settings.anonymous,
    ).toBe(false);
  });
});

describe("a wrong configuration", () => {
  it.each<[string, Said, string[]]>([
    [
      "port",
      { flags: { port: "80x" } },
      ['port must be a port, or a range of at most 256 ports such as 8080-8099, not "80x" [--port]'],
    ],
    [
      "a port without bounds",
      { file: { port: 70_000 } },
      ["port must be a port, or a range of at most 256 ports such as 8080-8099, not 70000 [holdfast.json]"],
    ],
    [
      "workers",
      { env: { HOLDFAST_WORKERS: "many" } },
      ['workers must be a whole number from 1 to 256, or auto, not "many" [HOLDFAST_WORKERS]'],
    ],
    [
      "no workers",
      { flags: { workers: "0" } },
      ["workers must be a whole number from 1 to 256, or auto, not 0 [--workers]"],
    ],
    [
      "a duration without unit",
      { file: { pingInterval: 30 } },
      ["pingInterval must be a duration from 1s to 1h such as 500ms, 30s or 5m, not 30 [holdfast.json]"],
    ],
    [
      "off where it is not allowed",
      { flags: { pongTimeout: "off" } },
      [
        'pongTimeout must be a duration from 100ms to 10m such as 500ms, 30s or 5m, not "off" [--pong-timeout]',
      ],
    ],
    [
      "a GC interval",
      { flags: { gcInterval: "1ms" } },
      [
        'gcInterval must be a duration from 1s to 1h such as 500ms, 30s or 5m, or off, not "1ms" [--gc-interval]',
      ],
    ],
    [
      "a size",
      { flags: { maxPayload: "64KB" } },
      ['maxPayload must be a size from 256B to 16MiB such as 64KiB or 1MiB, not "64KB" [--max-payload]'],
    ],
    [
      "a choice",
      { flags: { logLevel: "loud" } },
      ['logLevel must be one of debug, info, warn, error, silent, not "loud" [--log-level]'],
    ],
    [
      "yes or no",
      { env: { HOLDFAST_ANONYMOUS: "yes" } },
      ['anonymous must be true or false, not "yes" [HOLDFAST_ANONYMOUS]'],
    ],
    [
      "an origin with a path",
      { flags: { origins: "https://a.example/x" } },
      [
        'origins.0 must be an origin such as https://app.example (scheme, host and port, without a path), or *, not "https://a.example/x" [--origins]',
      ],
    ],
    [
      "origins that are no list",
      { file: { origins: "https://a.example" } },
      [
        'origins must be a list of origins: ["https://app.example","http://localhost:3000"] in a file, https://app.example,http://localhost:3000 elsewhere, not "https://a.example" [holdfast.json]',
      ],
    ],
    [
      "namespaces that are not JSON",
      { flags: { namespaces: "{room" } },
      [
        'namespaces must be a JSON object such as {"room":{"clientPublish":true}}, not "{room" [--namespaces]',
      ],
    ],
    [
      "an option of a namespace",
      { file: { namespaces: { room: { clientPublih: true } } } },
      [
        "namespaces.room.clientPublih is not an option of a namespace (did you mean clientPublish?) [holdfast.json]",
      ],
    ],
    [
      "a value in a namespace",
      { file: { namespaces: { room: { clientPublish: "yes" } } } },
      ['namespaces.room.clientPublish must be true or false, not "yes" [holdfast.json]'],
    ],
    [
      "a namespace's name",
      { file: { namespaces: { "a:b": {} } } },
      [
        "namespaces.a:b is not a namespace: letters, digits, _ and -, or empty for channels without a colon [holdfast.json]",
      ],
    ],
    [
      "an unknown policy for slow consumers",
      { file: { namespaces: { room: { slowConsumer: "skip" } } } },
      ['namespaces.room.slowConsumer must be disconnect, drop or latest, not "skip" [holdfast.json]'],
    ],
    [
      "a namespace that may be sent more commands than a connection may send",
      { file: { commandRate: 10, namespaces: { room: { commandRate: 20 } } } },
      [
        'namespaces "room" has a commandRate of 20, above the 10 that a connection may send in all: lower it, or raise the setting commandRate [holdfast.json]',
      ],
    ],
    [
      "two sources of keys",
      { file: { jwtSecret: "x".repeat(32), jwksUrl: "https://issuer.example/keys" } },
      [
        "jwksUrl is a second source of keys beside jwtSecret: the signer of tokens uses one, so leave the other out [holdfast.json]",
      ],
    ],
    [
      "a URL of keys that is none",
      { file: { jwksUrl: "ftp://issuer.example/keys" } },
      [
        "jwksUrl must be an http or https URL without a password such as https://issuer.example/.well-known/jwks.json [holdfast.json]",
      ],
    ],
    [
      "a key to conflate by where nothing is conflated",
      { file: { namespaces: { room: { slowConsumer: "drop", conflateKey: "id" } } } },
      [
        'namespaces "room" has a conflateKey, which is for slowConsumer "latest" alone: say so, or leave it out [holdfast.json]',
      ],
    ],
    [
      "webhooks without a secret",
      { flags: { webhookPublishUrl: "https://app.example/p" } },
      [
        "webhookPublishUrl needs webhookSecret (HOLDFAST_WEBHOOK_SECRET), or the application could not tell who asks: set it to 32 random characters or more [--webhook-publish-url]",
      ],
    ],
    [
      "a webhook that is no URL of HTTP's",
      { flags: { webhookConnectUrl: "ftp://x", webhookSubscribeUrl: "http://a:b@c/" }, file: company },
      [
        "webhookConnectUrl must be an http or https URL without a password such as https://app.example/holdfast/connect [--webhook-connect-url]",
        "webhookSubscribeUrl must be an http or https URL without a password such as https://app.example/holdfast/connect [--webhook-subscribe-url]",
      ],
    ],
    [
      "events without Redis",
      { flags: { events: true } },
      ["events needs Redis, whose stream tells the backends: set redis, or leave events out [--events]"],
    ],
    [
      "an unknown key",
      { file: { prot: 1, colour: "red" } },
      [
        "prot is not a setting (did you mean port?) [holdfast.json]",
        "colour is not a setting [holdfast.json]",
      ],
    ],
    [
      "an unknown variable",
      { env: { HOLDFAST_PROT: "1" } },
      ["HOLDFAST_PROT is not a setting (did you mean HOLDFAST_PORT?)"],
    ],
    [
      "a key that is too short, which is not repeated",
      { flags: { adminKey: "secret" } },
      ["adminKey must be 16 to 256 printable characters without spaces [--admin-key]"],
    ],
    [
      "Redis URLs",
      { flags: { redis: "redis:/127.0.0.1" } },
      [
        "redis must read redis://host:6379, rediss://…, redis+sentinel://host:26379,…/master or redis+cluster://host:6379,… with / ? # @ in a password percent-encoded [--redis]",
      ],
    ],
    [
      "reach without tokens",
      { flags: { host: "0.0.0.0" } },
      [
        "host 0.0.0.0 can be reached from other machines, and without tokens any program there could connect and subscribe: set jwtSecret, jwtPublicKey, jwksUrl or webhookConnectUrl, say --anonymous if that is meant, or listen on 127.0.0.1 [--host]",
      ],
    ],
    [
      "an admin port without key",
      { flags: { adminHost: "10.0.0.5" } },
      [
        "adminHost 10.0.0.5 can be reached from other machines, and the admin API publishes to all connections: set adminKey (HOLDFAST_ADMIN_KEY), or listen on 127.0.0.1 [--admin-host]",
      ],
    ],
    [
      "a slow pong",
      { flags: { pongTimeout: "25s" } },
      ["pongTimeout must be shorter than pingInterval (25s), not 25s [--pong-timeout]"],
    ],
    [
      "an admin port among the public ones",
      { flags: { port: "9000-9099" } },
      ["adminPort must be another port than the public ones (9000-9099), not 9080 [default]"],
    ],
    [
      "a window for each connection on the engine lean",
      { flags: { engine: "lean", compression: "dedicated" } },
      [
        "compression dedicated needs the engine ws, which keeps a window for each connection: set engine to ws or auto, or take shared [--compression]",
      ],
    ],
    [
      "shared ports on an old Node.js",
      { flags: { accept: "reuseport" }, on: { ...machine, nodeVersion: "22.11.0" } },
      [
        "accept reuseport needs Linux and Node.js 22.12 or later, and this is linux with Node.js 22.11.0: upgrade, or leave accept at primary [--accept]",
      ],
    ],
    [
      "shared ports on another system",
      { flags: { accept: "reuseport" }, on: { ...machine, platform: "darwin", nodeVersion: "24.1.0" } },
      [
        "accept reuseport needs Linux and Node.js 22.12 or later, and this is darwin with Node.js 24.1.0: upgrade, or leave accept at primary [--accept]",
      ],
    ],
    [
      "a free port to be shared",
      { flags: { accept: "reuseport", port: "0" } },
      [
        "port reuseport needs a port to share, and with port 0 each worker would take another: name one [--port]",
      ],
    ],
    [
      "more connections than files",
      { flags: { maxConnections: "50000", workers: "2" }, on: { ...machine, openFiles: 1024 } },
      [
        "maxConnections 50000 over 2 workers needs 31506 open files per process, and only 1024 are allowed: raise it with `ulimit -n 31506` or LimitNOFILE=31506, or set maxConnections to 1228 or less [--max-connections]",
      ],
    ],
    [
      "more sockets in the primary than files",
      { flags: { maxPending: "2000" }, on: { ...machine, openFiles: 1024 } },
      [
        "maxPending 2000 does not fit into 1024 open files: set it to 691 or less, or raise the limit with `ulimit -n` or LimitNOFILE= [--max-pending]",
      ],
    ],
  ])("says what is wrong with %s", (_what, said, expected) => expect(problemsOf(said)).toEqual(expected));

  it("says everything at once, rules between settings included", () => {
    const problems = problemsOf({
      flags: { host: "0.0.0.0", port: "80x" },
      env: { HOLDFAST_WORKERS: "-1", HOLDFAST_GC_INTERVAL: "soon", HOLDFAST_NOPE: "1" },
      file: { maxPayload: 5, nope: true },
    });
    const paths = problems.map((line) => line.split(" ")[0]);
    expect(paths.sort()).toEqual(
      ["HOLDFAST_NOPE", "gcInterval", "host", "maxPayload", "nope", "port", "workers"].sort(),
    );
  });

  it.each(["22.12.0", "22.23.3", "24.0.0"])("shares ports on Linux with Node.js %s", (nodeVersion) => {
    const { settings } = load({ flags: { accept: "reuseport" }, on: { ...machine, nodeVersion } });
    expect(settings.accept).toBe("reuseport");
  });

  it.each(["127.0.0.1", "127.5.5.5", "::1", "localhost"])(
    "needs no word for %s, which only this machine reaches",
    (host) => {
      expect(load({ flags: { host, adminHost: host } }).settings.host).toBe(host);
    },
  );
});
