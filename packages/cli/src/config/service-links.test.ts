import { describe, expect, it } from "@jest/globals";
import { settingKeys } from "./schema.js";
import { isServiceLink, linkWarnings, withoutServiceLinks } from "./service-links.js";
import { envOf } from "./setting.js";

describe("service links of Kubernetes", () => {
  it.each([
    ["HOLDFAST_SERVICE_HOST", "fd00::7"],
    ["HOLDFAST_SERVICE_PORT", "443"],
    ["HOLDFAST_SERVICE_PORT_METRICS", "9090"],
    ["HOLDFAST_PORT", "tcp://172.20.8.9:443"],
    ["HOLDFAST_PORT", "udp://172.20.8.9:443"],
    ["HOLDFAST_PORT", "tcp://[fd00::7]:443"],
    ["HOLDFAST_PORT_443_TCP", "tcp://172.20.8.9:443"],
    ["HOLDFAST_PORT_443_TCP_PROTO", "tcp"],
    ["HOLDFAST_PORT_443_TCP_PORT", "443"],
    ["HOLDFAST_PORT_443_SCTP_ADDR", "172.20.8.9"],
    // A Service named holdfast-admin: its variable has the name of a setting.
    ["HOLDFAST_ADMIN_PORT", "tcp://172.20.8.9:9080"],
    ["HOLDFAST_ADMIN_SERVICE_PORT_HTTP", "9080"],
    ["HOLDFAST_REDIS_MASTER_PORT_6379_TCP_ADDR", "172.20.8.10"],
    ["HOLDFAST_REDIS_MASTER_PORT", "tcp://172.20.8.10:6379"],
    ["HOLDFAST_PORT_8000_TCP_START", "tcp://172.17.0.5:8000"],
    ["HOLDFAST_PORT_8000_TCP_END", "tcp://172.17.0.5:8009"],
    ["HOLDFAST_NAME", "/shop/holdfast"],
    ["HOLDFAST_ENV_NODE_VERSION", "22.1.0"],
  ])("are told apart: %s=%s", (name, value) => {
    expect(isServiceLink(name, value)).toBe(true);
  });

  it.each([
    ["HOLDFAST_PORT", "8080"],
    ["HOLDFAST_PORT", "8080-8083"],
    ["HOLDFAST_ADMIN_PORT", "9080"],
    ["HOLDFAST_PROT", "tcp://172.20.8.9:443"],
    ["HOLDFAST_HOST", "172.20.8.9"],
    ["HOLDFAST_SERVICE", "x"],
    ["HOLDFAST_NAME", "shop"],
    ["HOLDFAST_ENVIRONMENT", "test"],
  ])("are not: %s=%s", (name, value) => {
    expect(isServiceLink(name, value)).toBe(false);
  });

  it("are named by no setting", () => {
    expect(settingKeys.map(envOf).filter((name) => isServiceLink(name, "8080"))).toEqual([]);
  });

  it("are taken out of the environment, with one warning", () => {
    const set = {
      HOLDFAST_WORKERS: "2",
      HOLDFAST_PORT: "tcp://10.1.1.1:80",
      HOLDFAST_SERVICE_HOST: "10.1.1.1",
    };
    const { env, links } = withoutServiceLinks(set);
    expect(env).toEqual({ HOLDFAST_WORKERS: "2" });
    expect(linkWarnings(links)).toEqual([
      expect.stringMatching(/^HOLDFAST_PORT and 1 more are service links/),
    ]);
    expect(linkWarnings([])).toEqual([]);
  });
});
