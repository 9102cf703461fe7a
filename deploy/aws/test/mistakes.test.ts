/**
 * Ten seeded mistakes: each ends the synth with a sentence. And what is no mistake passes.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { AutoScalingGroup } from "aws-cdk-lib/aws-autoscaling";
import * as acm from "aws-cdk-lib/aws-certificatemanager";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import { HoldfastCluster, type HoldfastClusterProps } from "../lib/index.js";
import { problemsOf, stackOf } from "./support.js";

const certificate = (stack: Stack): acm.ICertificate =>
  acm.Certificate.fromCertificateArn(stack, "Cert", "arn:aws:acm:eu-north-1:111111111111:certificate/x");

const mistakes: [string, (stack: Stack) => HoldfastClusterProps, RegExp][] = [
  [
    "a ping as rare as the idle timeout",
    () => ({
      connections: 90_000,
      loadBalancer: "alb",
      listener: { idleTimeoutSeconds: 45 },
      pingIntervalSeconds: 45,
    }),
    /^pingIntervalSeconds: a ping every 45 s does not keep a connection alive through an idle timeout of 45 s/,
  ],
  [
    "19 ports on 40 instances with cross-zone load balancing",
    () => ({ connections: 90_000, ports: 19, minInstances: 2, maxInstances: 40, crossZone: true }),
    /^maxInstances: 19 ports × 40 instances are 760 targets: the load balancer takes 26 instances with cross-zone/,
  ],
  [
    "a hook that ends before the drain",
    () => ({ connections: 90_000, drain: { windowSeconds: 240, hookSeconds: 200 } }),
    /^drain: a lifecycle hook of 200 s ends before the drain of 265 s: at least 295 s/,
  ],
  [
    "an ALB with 20 ports",
    () => ({ connections: 90_000, loadBalancer: "alb", ports: 20 }),
    /^ports: 20 ports: an action of an ALB takes 5 target groups/,
  ],
  [
    "a TLS listener with an idle timeout",
    (stack) => ({
      connections: 90_000,
      listener: { protocol: "tls", certificates: [certificate(stack)], idleTimeoutSeconds: 900 },
    }),
    /^listener.idleTimeoutSeconds: a TLS listener has an idle timeout of 350 s and no other/,
  ],
  [
    "QUIC",
    () => ({ connections: 90_000, listener: { protocol: "tcp_quic" } }),
    /^listener.protocol: QUIC listeners have no security groups/,
  ],
  [
    "PROXY at the gateway alone",
    () => ({ connections: 90_000, settings: { HOLDFAST_PROXY_PROTOCOL: "true" } }),
    /^settings.HOLDFAST_PROXY_PROTOCOL: the PROXY protocol must be on at both ends or at none/,
  ],
  [
    "serverless Redis without a word on its limits",
    () => ({ connections: 90_000, redis: { kind: "serverless" } }),
    /^redis.acceptLimits: serverless Redis evicts keys with a time to live/,
  ],
  [
    "scaling on CPU",
    () => ({ connections: 90_000, scaling: { on: ["cpu"] } }),
    /^scaling.on: CPU alone: an instance full of idle connections is not busy/,
  ],
  [
    "an admin port that is open to the world",
    () => ({ connections: 90_000, admin: { from: ["10.7.0.0/16", "0.0.0.0/0"] } }),
    /^admin.from\[1\]: 0.0.0.0\/0 opens the admin port to the world/,
  ],
];

describe("a seeded mistake ends the synth", () => {
  for (const [name, props, sentence] of mistakes) {
    it(name, () => {
      const problems = problemsOf(props);
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0] ?? "", sentence);
    });
  }

  it("all at once, in one message", () => {
    const problems = problemsOf(() => ({
      connections: 90_000,
      loadBalancer: "alb",
      listener: { protocol: "quic", idleTimeoutSeconds: 45 },
      pingIntervalSeconds: 45,
      redis: { kind: "serverless" },
      scaling: { on: ["cpu"] },
      admin: { from: ["::/0"] },
      settings: { HOLDFAST_PORT: "1", NONSENSE: "x" },
      instanceTypes: ["m8g.large", "m7i.large", "m9z.huge"],
      package: { version: "latest" },
    }));
    const paths = problems.map((each) => each.split(":")[0]);
    for (const path of [
      "listener.protocol",
      "pingIntervalSeconds",
      "redis.acceptLimits",
      "scaling.on",
      "admin.from[0]",
    ])
      assert.ok(paths.includes(path), path);
    for (const path of ["settings.HOLDFAST_PORT", "settings.NONSENSE", "instanceTypes[2]", "package.version"])
      assert.ok(paths.includes(path), path);
  });
});

describe("more that ends the synth", () => {
  const more: [string, HoldfastClusterProps, RegExp][] = [
    ["no connections", { connections: 0 }, /^connections: a whole number from 1/],
    [
      "a TLS listener without a certificate",
      { connections: 9000, listener: { protocol: "tls" } },
      /needs a certificate/,
    ],
    [
      "a deregistration delay of five minutes",
      { connections: 9000, drain: { deregistrationSeconds: 300 } },
      /deregistration delay of 300 s/,
    ],
    [
      "a deregistration delay of a second",
      { connections: 9000, drain: { deregistrationSeconds: 1 } },
      /deregistration delay of 1 s/,
    ],
    [
      "scaling in within the drain",
      { connections: 9000, drain: { windowSeconds: 90, scaleInSeconds: 60 } },
      /scale-in period of 60 s/,
    ],
    [
      "Spot with a long drain",
      { connections: 9000, spot: true, drain: { windowSeconds: 200 } },
      /Spot instance ends 120 s/,
    ],
    [
      "scaling on requests",
      { connections: 9000, scaling: { on: ["connections", "requests"] } },
      /count of requests/,
    ],
    ["one instance", { connections: 9000, minInstances: 1 }, /nowhere to go in a deployment/],
    [
      "too few ports for the connections",
      { connections: 400_000, ports: 2 },
      /^ports: .* 110000: a load balancer reaches/,
    ],
    [
      "too few instances for the connections",
      { connections: 3_000_000, minInstances: 2, ports: 60 },
      /^minInstances: .*(CPUs|GiB)/,
    ],
    [
      "several instances without Redis",
      { connections: 9000, redis: { kind: "none" } },
      /without Redis each instance is alone/,
    ],
    [
      "an idle timeout out of range",
      { connections: 9000, listener: { idleTimeoutSeconds: 30 } },
      /^listener.idleTimeoutSeconds: 60 to 6000 s/,
    ],
    [
      "a setting that ends its line",
      { connections: 9000, settings: { HOLDFAST_ORIGINS: "a\nb" } },
      /line ends/,
    ],
  ];
  for (const [name, props, sentence] of more) {
    it(name, () => {
      const problems = problemsOf(() => props);
      assert.ok(
        problems.some((each) => sentence.test(each)),
        problems.join("\n") || "no problem",
      );
    });
  }

  it("a policy on CPU, and an open admin port, that are added afterwards", () => {
    const { stack } = stackOf();
    const cluster = new HoldfastCluster(stack, "Gateway", { connections: 9000 });
    cluster.fleet.group.scaleOnCpuUtilization("Cpu", { targetUtilizationPercent: 60 });
    cluster.securityGroup.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(9080));
    assert.ok(cluster.fleet.group instanceof AutoScalingGroup);
    assert.throws(
      () => Template.fromStack(stack),
      (error: Error) =>
        /a policy on CPU/.test(error.message) &&
        /0\.0\.0\.0\/0 opens the admin port 9080/.test(error.message),
    );
  });
});

describe("no mistake", () => {
  const fine: [string, (stack: Stack) => HoldfastClusterProps][] = [
    ["one number", () => ({ connections: 200_000 })],
    ["a million", () => ({ connections: 1_000_000, instanceTypes: ["r8g.2xlarge"] })],
    [
      "an ALB with TLS",
      (stack) => ({
        connections: 50_000,
        loadBalancer: "alb",
        listener: { certificates: [certificate(stack)] },
      }),
    ],
    [
      "serverless Redis with its limits accepted",
      () => ({ connections: 9000, redis: { kind: "serverless", acceptLimits: true } }),
    ],
    ["CPU beside connections", () => ({ connections: 9000, scaling: { on: ["connections", "cpu"] } })],
    ["an admin port for the VPC", () => ({ connections: 9000, admin: { from: ["10.0.0.0/16"] } })],
    [
      "one instance without Redis",
      () => ({ connections: 9000, minInstances: 1, maxInstances: 1, redis: { kind: "none" } }),
    ],
    ["both architectures", () => ({ connections: 9000, instanceTypes: ["c8g.large", "c7i.large"] })],
    ["Spot", () => ({ connections: 9000, spot: true })],
  ];
  for (const [name, props] of fine) it(name, () => assert.deepEqual(problemsOf(props), []));
});
