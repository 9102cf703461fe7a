import { describe, expect, it } from "@jest/globals";
import { loadSettings } from "../config/load.js";
import { type AccessHint, accessOf, banner } from "./banner.js";
import { urlHost } from "./url-host.js";

const REDIS = "redis://10.0.0.1:6379";
const open: AccessHint = { kind: "open", flags: [], variables: [] };
const facts = {
  version: "1.2.3",
  program: "npx holdfast",
  host: "127.0.0.1",
  ports: [8080],
  admin: { host: "127.0.0.1", port: 9080 },
  workers: 2,
  engine: "lean",
  broker: { name: "embedded", phrase: "embedded broker" },
  notReady: [],
  access: open,
};
const machine = {
  cpus: 4,
  openFiles: 20_000,
  memoryBytes: 8 * 1024 ** 3,
  platform: "linux",
  nodeVersion: "22.12.0",
} as const;

describe("the start's block", () => {
  it("has name, version, links, and one command a line", () => {
    expect(banner(facts).block.split("\n")).toEqual([
      "",
      "  Holdfast 1.2.3",
      "",
      "  page     http://127.0.0.1:8080/",
      "  clients  ws://127.0.0.1:8080/ws",
      "  admin    http://127.0.0.1:9080",
      "  workers  2",
      "  engine   lean",
      "  broker   embedded",
      "",
      "  Open the page in a browser, or try in two more terminals:",
      "",
      "    npx holdfast listen news",
      `    npx holdfast publish news '{"hello":1}'`,
      "",
      "  Ctrl-C stops it. All settings: npx holdfast start --help",
      "",
    ]);
  });

  it("names schemes of TLS where the ports speak it", () => {
    const admin = { host: "127.0.0.1", port: 9080, isSecure: true };
    const { block, fields } = banner({ ...facts, isSecure: true, admin });
    expect(block).toContain("  page     https://127.0.0.1:8080/\n  clients  wss://127.0.0.1:8080/ws\n");
    expect(block).toContain("listen news --url wss://127.0.0.1:8080/ws\n");
    expect(block).toContain(`{"hello":1}' --url https://127.0.0.1:9080\n`);
    expect([fields.urls, fields.admin]).toEqual([["https://127.0.0.1:8080"], "https://127.0.0.1:9080"]);
  });

  it("says that Redis is not there yet", () => {
    const notReady = ["The broker cannot be reached by 2 workers."];
    const { block, message } = banner({
      ...facts,
      broker: { name: REDIS, phrase: `broker ${REDIS}` },
      notReady,
    });
    expect(block).toContain(
      "  broker   redis://10.0.0.1:6379\n           not ready yet: The broker cannot be reached by 2 workers.\n",
    );
    expect(message).toContain("not ready yet: The broker cannot be reached by 2 workers.");
  });

  it("names the addresses of this gateway, its range of ports, and how the program is called", () => {
    const { block, message } = banner({
      ...facts,
      program: "node bin/holdfast.js",
      host: "0.0.0.0",
      ports: [8081, 8082, 8083],
      admin: { host: "127.0.0.1", port: 9100 },
      workers: 1,
    });
    expect(block).toContain("  clients  ws://127.0.0.1:8081/ws (ports to 8083)\n");
    expect(block).toContain("    node bin/holdfast.js listen news --url ws://127.0.0.1:8081/ws\n");
    expect(block).toContain(`publish news '{"hello":1}' --url http://127.0.0.1:9100\n`);
    expect(message).toContain("http://127.0.0.1:8081 to :8083 · 1 worker · engine lean · ");
  });

  it("gives a line with a token where there is a secret, and names the variables that it needs", () => {
    const access: AccessHint = {
      kind: "secret",
      flags: ["--jwt-issuer", "me"],
      variables: ["HOLDFAST_JWT_SECRET"],
    };
    const { block } = banner({ ...facts, access });
    expect(block).toContain("two more terminals, with HOLDFAST_JWT_SECRET as here:");
    expect(block).toContain(
      `    npx holdfast listen news --token "$(npx holdfast token create me --allow news=subscribe --jwt-issuer me)"\n`,
    );
    expect(banner({ ...facts, access: { ...access, kind: "issuer" } }).block).toContain(
      `listen news --token "$TOKEN"`,
    );
  });

  it("says the same in fields", () => {
    expect(banner({ ...facts, ports: [8080, 8081] }).fields).toEqual({
      urls: ["http://127.0.0.1:8080", "http://127.0.0.1:8081"],
      admin: "http://127.0.0.1:9080",
      workers: 2,
      engine: "lean",
      broker: "embedded",
      try: ["npx holdfast listen news", "npx holdfast publish news '{\"hello\":1}'"],
    });
  });

  it("writes IPv6 as URLs do", () => expect(urlHost("fe80::1")).toBe("[fe80::1]"));
});

describe("how a terminal gets in", () => {
  const secret = "0123456789abcdef0123456789abcdef";
  const access = (flags: Record<string, string>, env: Record<string, string> = {}, content?: object) => {
    const file = content && { path: "my settings.json", content: content as Record<string, unknown> };
    const loaded = loadSettings({ flags, env, file: file as never, machine });
    return accessOf(loaded.settings, loaded.sources, file?.path);
  };

  it("by nothing, by a secret from a file, the environment or a flag, by an issuer", () => {
    expect(access({})).toEqual(open);
    expect(access({}, { HOLDFAST_JWT_SECRET: secret })).toMatchObject({
      kind: "secret",
      variables: ["HOLDFAST_JWT_SECRET"],
    });
    expect(access({ jwtSecret: secret, jwtIssuer: "a'b", adminKey: "0123456789abcdef" })).toEqual({
      kind: "secret",
      flags: ["--jwt-issuer", "'a'\\''b'"],
      variables: ["HOLDFAST_JWT_SECRET", "HOLDFAST_ADMIN_KEY"],
    });
    expect(access({}, {}, { jwtSecret: secret })).toEqual({
      kind: "secret",
      flags: ["--config", "'my settings.json'"],
      variables: [],
    });
    expect(access({ jwksUrl: "https://issuer.example/keys" })).toMatchObject({
      kind: "issuer",
      variables: ["TOKEN"],
    });
  });
});
