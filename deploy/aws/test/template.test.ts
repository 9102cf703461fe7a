/**
 * Every row of docs/aws.md's table of facts, as an assertion on the synthesised template.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { AGENT, drainProblems, LOAD_BALANCER, pingProblem, sysctlFor } from "@holdfast/platform";
import type { Stack } from "aws-cdk-lib";
import * as acm from "aws-cdk-lib/aws-certificatemanager";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ssm from "aws-cdk-lib/aws-ssm";
import { tarballsAt } from "../lib/index.js";
import { attributes, type Made, make, userData } from "./support.js";

const GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup";
const LISTENER = "AWS::ElasticLoadBalancingV2::Listener";
const POLICY = "AWS::AutoScaling::ScalingPolicy";

const nlb = make(() => ({ connections: 200_000 }));
const alb = make(() => ({ connections: 120_000, loadBalancer: "alb" }));
const tls = make((stack) => ({
  connections: 80_000,
  listener: {
    certificates: [
      acm.Certificate.fromCertificateArn(stack, "C", "arn:aws:acm:eu-north-1:111111111111:certificate/y"),
    ],
    clientAddress: "proxy-protocol",
  },
}));
const large = make(() => ({ connections: 1_500_000, minInstances: 4, instanceTypes: ["r8g.4xlarge"] }));
const spot = make(() => ({ connections: 9000, spot: true, instanceTypes: ["m8g.large", "m8g.xlarge"] }));
const all: [string, Made][] = [
  ["NLB", nlb],
  ["ALB", alb],
  ["TLS with PROXY", tls],
  ["large", large],
  ["Spot", spot],
];

for (const [name, made] of all) {
  describe(name, () => {
    const groups = made.of(GROUP);
    const { shape } = made.cluster;

    it("has a target group for each port, and no more targets than the quota", () => {
      assert.deepEqual(
        groups.map(({ Properties }) => Properties.Port).sort((a, b) => a - b),
        Array.from({ length: shape.ports }, (_, n) => 8080 + n),
      );
      const targets = shape.ports * shape.maxInstances;
      const quota = shape.kind === "alb" ? LOAD_BALANCER.albTargets.value : LOAD_BALANCER.nlbTargets.value;
      assert.ok(targets <= quota, `${targets}`);
      assert.ok(shape.ports * LOAD_BALANCER.connectionsPerTargetPort.value >= shape.connectionsPerInstance);
    });

    it("checks one port and one path in every group, soon enough for a drain", () => {
      for (const { Properties } of groups) {
        assert.equal(Properties.HealthCheckPort, "8080");
        assert.equal(Properties.HealthCheckPath, "/healthz");
        assert.equal(Properties.HealthCheckProtocol, "HTTP");
        assert.equal(Properties.HealthCheckIntervalSeconds, 10);
      }
      const noticed = 10 * (groups[0]?.Properties.UnhealthyThresholdCount ?? 0);
      if (shape.drain.place === "ec2") assert.ok(shape.drain.drainDelaySeconds >= noticed);
    });

    it("leaves connections of unhealthy and deregistered targets open", () => {
      for (const group of groups) {
        const own = attributes(group);
        const delay = Number(own["deregistration_delay.timeout_seconds"]);
        assert.ok(delay >= 5 && delay <= 30, String(delay));
        if (shape.kind === "alb") continue;
        assert.equal(own["deregistration_delay.connection_termination.enabled"], "false");
        assert.equal(own["target_health_state.unhealthy.connection_termination.enabled"], "false");
      }
    });

    it("pings at most half as rarely as the shortest idle timer", () => {
      assert.equal(pingProblem(shape.pingSeconds, shape.timers), undefined);
      assert.match(userData(made), new RegExp(`^HOLDFAST_PING_INTERVAL=${shape.pingSeconds}s$`, "m"));
    });

    it("has no action with more groups than its quota, with equal weights", () => {
      const listeners = made.of(LISTENER);
      assert.equal(listeners.length, shape.groups.length);
      let seen = 0;
      for (const { Properties } of listeners) {
        const [action] = Properties.DefaultActions;
        const forwarded = action.ForwardConfig?.TargetGroups ?? [{ TargetGroupArn: action.TargetGroupArn }];
        assert.ok(forwarded.length <= 5, String(forwarded.length));
        assert.equal(new Set(forwarded.map((each: { Weight?: number }) => each.Weight ?? 1)).size, 1);
        seen += forwarded.length;
        assert.ok(!/QUIC|UDP/.test(Properties.Protocol));
      }
      assert.equal(seen, shape.ports);
    });

    it("has a hook that outlives the drain and is completed by the agent", () => {
      const [hook] = made.of("AWS::AutoScaling::LifecycleHook");
      assert.equal(hook?.Properties.LifecycleTransition, "autoscaling:EC2_INSTANCE_TERMINATING");
      assert.equal(hook?.Properties.DefaultResult, "CONTINUE");
      const { drainDelaySeconds: delay, drainWindowSeconds: window } = shape.drain;
      assert.ok(hook?.Properties.HeartbeatTimeout >= delay + window + 30);
      assert.deepEqual(drainProblems(shape.drain), []);
      const text = userData(made);
      assert.match(text, new RegExp(`^HOLDFAST_DRAIN_WINDOW=${window}s$`, "m"));
      assert.match(text, new RegExp(`^HOLDFAST_DRAIN_DELAY=${delay}s$`, "m"));
      assert.match(text, new RegExp(`^TimeoutStopSec=${shape.drain.stopSeconds}s$`, "m"));
      assert.match(text, /holdfast aws agent .*--hook holdfast-drain/);
    });

    it("lets EC2 say what is healthy, so that a drain by hand does not end the instance", () => {
      const [group] = made.of("AWS::AutoScaling::AutoScalingGroup");
      assert.equal(group?.Properties.HealthCheckType, "EC2");
      assert.equal(group?.Properties.TargetGroupARNs.length, shape.ports);
      assert.equal(group?.Properties.InstanceLifecyclePolicy, undefined);
    });

    it("tracks connections on its interface for longer than the load balancer, and not for five days", () => {
      const [template] = made.of("AWS::EC2::LaunchTemplate");
      const data = template?.Properties.LaunchTemplateData;
      const [network] = data.NetworkInterfaces;
      const seconds = network.ConnectionTrackingSpecification.TcpEstablishedTimeout;
      assert.ok(seconds >= shape.idleSeconds && seconds >= 350 && seconds < 432_000, String(seconds));
      assert.equal(network.Groups.length, 1);
      assert.equal(data.SecurityGroupIds, undefined);
      assert.equal(data.MetadataOptions.HttpTokens, "required");
    });

    it("replaces instances by a refresh with checkpoints and alarms", () => {
      const [group] = made.of("AWS::AutoScaling::AutoScalingGroup");
      const { Strategy, Preferences } = group?.UpdatePolicy?.AutoScalingInstanceRefresh ?? {};
      assert.equal(Strategy, "Rolling");
      assert.deepEqual(Preferences.CheckpointPercentages, [10, 50, 100]);
      assert.equal(Preferences.MinHealthyPercentage, 100);
      assert.equal(Preferences.SkipMatching, true);
      assert.ok(Preferences.AlarmSpecification.Alarms.length >= 3);
    });

    it("adds by connections and loop delay as the agent publishes them, field by field", () => {
      const tracking = made
        .of(POLICY)
        .filter(({ Properties }) => Properties.PolicyType === "TargetTrackingScaling");
      const specified = tracking.map(({ Properties }) => Properties.TargetTrackingConfiguration);
      assert.deepEqual(
        specified.map(({ CustomizedMetricSpecification: metric, DisableScaleIn }) => [
          metric.Namespace,
          metric.MetricName,
          metric.Statistic,
          metric.Dimensions.map(({ Name }: { Name: string }) => Name),
          DisableScaleIn,
        ]),
        [AGENT.metrics.connections, AGENT.metrics.loopDelay].map(({ name }) => [
          AGENT.namespace,
          name,
          "Average",
          [AGENT.dimension],
          true,
        ]),
      );
      assert.ok(specified[0]?.TargetValue < shape.connectionsPerInstance);
      assert.doesNotMatch(JSON.stringify(made.of(POLICY)), /PredefinedMetric/);
    });

    it("takes away one at a time, and not before the clients of the last one are back", () => {
      const [policy] = made.of(POLICY).filter(({ Properties }) => Properties.PolicyType === "SimpleScaling");
      assert.equal(policy?.Properties.ScalingAdjustment, -1);
      assert.ok(Number(policy?.Properties.Cooldown) >= shape.drain.drainWindowSeconds);
      const [alarm] = made
        .of("AWS::CloudWatch::Alarm")
        .filter(({ Properties }) => /one instance leaves/.test(Properties.AlarmDescription));
      assert.ok(
        alarm?.Properties.Period * alarm?.Properties.EvaluationPeriods >= shape.drain.drainWindowSeconds,
      );
    });

    it("has alarms for what breaks first", () => {
      const names = made.of("AWS::CloudWatch::Alarm").map(({ Properties }) => Properties.MetricName);
      const wanted = [
        "Evictions",
        AGENT.metrics.conntrackExceeded.name,
        AGENT.metrics.ppsExceeded.name,
        AGENT.metrics.free.name,
      ];
      if (shape.kind === "nlb") wanted.push("PortAllocationErrorCount");
      for (const name of wanted) assert.ok(names.includes(name), name);
    });

    it("tells the gateway of PROXY exactly when the groups speak it", () => {
      const spoken = groups.filter(
        (group) => attributes(group)["proxy_protocol_v2.enabled"] === "true",
      ).length;
      assert.ok(spoken === 0 || spoken === groups.length);
      assert.equal(/^HOLDFAST_PROXY_PROTOCOL=true$/m.test(userData(made)), spoken > 0);
      if (shape.kind === "nlb") {
        for (const group of groups)
          assert.equal(attributes(group)["preserve_client_ip.enabled"], String(spoken === 0));
      }
    });

    it("sets the kernel from the platform's formulas", () => {
      const text = userData(made);
      const settings = sysctlFor(shape.connectionsPerInstance, { cpus: cpusOf(made) });
      for (const { key, value, optional } of settings)
        assert.ok(text.includes(`\n${optional ? "-" : ""}${key} = ${value}\n`), `${key} = ${value}`);
      assert.match(text, /^LimitNOFILE=1048576$/m);
      assert.ok(Buffer.byteLength(text) < 16_384, String(Buffer.byteLength(text)));
    });

    it("has nodes of Redis that evict nothing, with TLS, a password and a failover", () => {
      const [parameters] = made.of("AWS::ElastiCache::ParameterGroup");
      const properties = parameters?.Properties.Properties;
      assert.equal(properties["maxmemory-policy"], "noeviction");
      assert.equal(properties["reserved-memory-percent"], "25");
      const [nodes] = made.of("AWS::ElastiCache::ReplicationGroup");
      assert.equal(nodes?.Properties.TransitEncryptionEnabled, true);
      assert.equal(nodes?.Properties.AutomaticFailoverEnabled, true);
      assert.equal(nodes?.Properties.MultiAZEnabled, true);
      assert.match(JSON.stringify(nodes?.Properties.AuthToken), /resolve:secretsmanager/);
      assert.match(userData(made), /HOLDFAST_REDIS=rediss:\/\/:\$redis@/);
    });

    it("gives the agent three calls of its own group and one namespace of metrics", () => {
      const text = JSON.stringify(made.of("AWS::IAM::Policy"));
      const actions = new Set(text.match(/(autoscaling|cloudwatch):\w+(?=")/g));
      assert.deepEqual([...actions].sort(), [
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:RecordLifecycleActionHeartbeat",
        "cloudwatch:PutMetricData",
        "cloudwatch:namespace",
      ]);
      assert.match(text, /autoScalingGroupName\/holdfast-Test-/);
    });

    it("puts no secret into the user data", () => {
      const text = userData(made);
      assert.doesNotMatch(text, /resolve:secretsmanager/);
      assert.match(text, /^keys="\$\(aws secretsmanager get-secret-value/m);
    });
  });
}

function cpusOf(made: Made): number {
  const name = made.cluster.shape.instanceTypes[0] ?? "";
  return { "m8g.xlarge": 4, "r8g.4xlarge": 16, "m8g.large": 2 }[name] ?? 0;
}

describe("security groups", () => {
  const made = make(() => ({ connections: 200_000, admin: { from: ["10.3.0.0/16"] } }));

  it("admit the load balancer on the ports, peers on the first one, operators on the admin port, and no other", () => {
    const rules = made.of("AWS::EC2::SecurityGroupIngress").map(({ Properties }) => Properties);
    const ports = made.cluster.shape.ports;
    const text = rules
      .map(({ FromPort, ToPort, Description }) => `${FromPort}-${ToPort} ${Description}`)
      .sort();
    assert.deepEqual(text, [
      "6379-6379 instances of the cluster",
      "8080-8080 other instances of the cluster",
      `8080-${8079 + ports} clients, by the load balancer`,
    ]);
    for (const { CidrIp, CidrIpv6 } of rules) assert.equal(CidrIp ?? CidrIpv6, undefined);
    const inline = made
      .of("AWS::EC2::SecurityGroup")
      .flatMap(({ Properties }) => Properties.SecurityGroupIngress ?? []);
    assert.deepEqual(
      inline.map(({ CidrIp, CidrIpv6, FromPort }) => `${CidrIp ?? CidrIpv6} ${FromPort}`).sort(),
      ["0.0.0.0/0 80", "10.3.0.0/16 9080", "::/0 80"].sort(),
    );
  });

  it("leave the admin port on loopback where no network is named", () => {
    assert.match(userData(nlb), /^HOLDFAST_ADMIN_HOST=127\.0\.0\.1$/m);
    assert.match(userData(made), /^HOLDFAST_ADMIN_HOST=0\.0\.0\.0$/m);
  });
});

describe("timeouts of listeners", () => {
  it("are set on TCP and left alone on TLS", () => {
    const idle = (made: Made): (string | undefined)[] =>
      made.of(LISTENER).map((each) => attributes(each, "ListenerAttributes")["tcp.idle_timeout.seconds"]);
    assert.deepEqual(idle(nlb), ["350"]);
    assert.deepEqual(idle(tls), [undefined]);
    const [balancer] = alb.of("AWS::ElasticLoadBalancingV2::LoadBalancer");
    assert.equal(
      attributes(balancer ?? { Properties: {} }, "LoadBalancerAttributes")["idle_timeout.timeout_seconds"],
      "120",
    );
  });

  it("of a long TCP listener reach the interface", () => {
    const made = make(() => ({
      connections: 9000,
      listener: { idleTimeoutSeconds: 3000 },
      pingIntervalSeconds: 1400,
    }));
    const [template] = made.of("AWS::EC2::LaunchTemplate");
    const [network] = template?.Properties.LaunchTemplateData.NetworkInterfaces ?? [];
    assert.equal(network.ConnectionTrackingSpecification.TcpEstablishedTimeout, 3060);
  });
});

describe("more ports than an action's groups", () => {
  it("become several listeners on following ports", () => {
    assert.ok(large.cluster.shape.ports > 5);
    assert.deepEqual(
      large.of(LISTENER).map(({ Properties }) => Properties.Port),
      large.cluster.shape.groups.map((_, n) => 80 + n),
    );
  });
});

describe("never set", () => {
  it("Target Optimizer, stickiness by address, connection draining by request counts", () => {
    const text = JSON.stringify(all.map(([, made]) => made.template.toJSON()));
    assert.doesNotMatch(text, /TargetControlPort|RequestCountPerTarget/);
  });
});

describe("arm64 and x86_64 in one group", () => {
  const made = make(() => ({ connections: 9000, instanceTypes: ["m8g.large", "m7i.large", "m7g.large"] }));

  it("have a launch template each, with an image of their own and the same user data", () => {
    const templates = made
      .of("AWS::EC2::LaunchTemplate")
      .map(({ Properties }) => Properties.LaunchTemplateData);
    assert.deepEqual(templates.map(({ InstanceType }) => InstanceType).sort(), ["m7i.large", "m8g.large"]);
    const images = templates.map(({ ImageId }) => JSON.stringify(ImageId));
    assert.equal(new Set(images).size, 2);
    assert.ok(
      images.some((each) => /arm64/i.test(each)) && images.some((each) => /x8664|x86_64/i.test(each)),
    );
    assert.deepEqual(templates[0].UserData, templates[1].UserData);
    for (const { NetworkInterfaces, MetadataOptions } of templates) {
      assert.ok(NetworkInterfaces[0].ConnectionTrackingSpecification.TcpEstablishedTimeout > 0);
      assert.equal(MetadataOptions.HttpTokens, "required");
    }
  });

  it("are told apart by the group's overrides", () => {
    const [group] = made.of("AWS::AutoScaling::AutoScalingGroup");
    const { LaunchTemplate } = group?.Properties.MixedInstancesPolicy ?? {};
    const own = JSON.stringify(LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateId);
    const overrides = LaunchTemplate.Overrides.map((each: any) => [
      each.InstanceType,
      each.LaunchTemplateSpecification === undefined
        ? "own"
        : JSON.stringify(each.LaunchTemplateSpecification.LaunchTemplateId),
    ]);
    assert.deepEqual(
      overrides.map(([type, of]: string[]) => [type, of === "own" ? "own" : of !== own]),
      [
        ["m8g.large", "own"],
        ["m7i.large", true],
        ["m7g.large", "own"],
      ],
    );
  });
});

describe("secrets in SSM parameters", () => {
  const made = make((stack) => ({
    connections: 9000,
    auth: { jwtSecret: parameter(stack, "Jwt", "/gateway/jwt") },
    redis: { kind: "given", url: parameter(stack, "Url", "/gateway/redis") },
  }));

  it("are read by the instance with its own role, and stand in no template", () => {
    const text = userData(made);
    for (const [variable, name] of [
      ["jwt", "/gateway/jwt"],
      ["redis", "/gateway/redis"],
    ])
      assert.match(
        text,
        new RegExp(
          `^${variable}="\\$\\(aws ssm get-parameter --region \\S+ --name '${name}' --with-decryption `,
          "m",
        ),
      );
    assert.match(text, /^echo "HOLDFAST_REDIS=\$redis" >> \/etc\/holdfast\/secrets.env$/m);
    assert.doesNotMatch(JSON.stringify(made.template.toJSON()), /resolve:ssm-secure/);
    const policies = JSON.stringify(made.of("AWS::IAM::Policy"));
    for (const name of ["gateway/jwt", "gateway/redis"])
      assert.match(
        policies,
        new RegExp(
          `ssm:GetParameter[^}]*parameter/${name}|parameter/${name}[^}]*ssm:GetParameter`.replaceAll(
            "[^}]*",
            "[\\s\\S]*",
          ),
        ),
      );
  });
});

function parameter(stack: Stack, id: string, parameterName: string): ssm.IParameter {
  return ssm.StringParameter.fromSecureStringParameterAttributes(stack, id, { parameterName });
}

describe("a given VPC and Redis", () => {
  it("are used, and nothing of their kind is made", () => {
    const made = make((stack) => ({
      connections: 9000,
      vpc: ec2.Vpc.fromVpcAttributes(stack, "Vpc", {
        vpcId: "vpc-1",
        vpcCidrBlock: "10.9.0.0/16",
        availabilityZones: ["a", "b"],
        privateSubnetIds: ["s-1", "s-2"],
        publicSubnetIds: ["s-3", "s-4"],
      }),
      redis: { kind: "none" },
      minInstances: 1,
      maxInstances: 1,
      auth: { anonymous: true },
    }));
    for (const type of ["AWS::EC2::VPC", "AWS::ElastiCache::ReplicationGroup"])
      assert.equal(made.of(type).length, 0);
    assert.doesNotMatch(userData(made), /HOLDFAST_REDIS|HOLDFAST_JWT_SECRET/);
    assert.match(userData(made), /^HOLDFAST_ANONYMOUS=true$/m);
  });

  it("serverless Redis has TLS of its own and the group of the instances", () => {
    const made = make(() => ({ connections: 9000, redis: { kind: "serverless", acceptLimits: true } }));
    assert.equal(made.of("AWS::ElastiCache::ServerlessCache").length, 1);
    assert.match(userData(made), /HOLDFAST_REDIS=rediss:\/\//);
  });
});

describe("packages in a bucket", () => {
  const at = (url: string): Made =>
    make((stack) => ({ connections: 9000, package: tarballsAt(stack, "Packages", url) }));

  it("are read by the instance with its own role, that folder alone, in place of the registry", () => {
    const made = at("s3://packages-of-mine/holdfast/0.1.0/");
    const text = userData(made);
    assert.match(
      text,
      /^aws s3 cp .* s3:\/\/packages-of-mine\/holdfast\/0\.1\.0\/ \/opt\/holdfast\/packages\/$/m,
    );
    assert.doesNotMatch(text, /holdfast@\d/);
    const policies = JSON.stringify(made.of("AWS::IAM::Policy"));
    assert.match(policies, /"s3:GetObject"/);
    assert.match(policies, /:s3:::packages-of-mine\/holdfast\/0\.1\.0\/\*/);
  });

  for (const url of ["s3://packages-of-mine", "s3://packages-of-mine/", "https://packages.example/holdfast"])
    it(`are no ${url}`, () => assert.throws(() => at(url), /packages: s3:\/\/bucket\/folder, not/));
});

describe("the machine's packages", () => {
  it("name npm, which is a package of its own on Amazon Linux 2023", () => {
    assert.match(userData(nlb), /^dnf install -y nodejs22 nodejs22-npm ethtool$/m);
  });
});

describe("the unit on the instance", () => {
  it("is that of deploy/systemd, but for its time to stop and the file of secrets", () => {
    const text = userData(nlb);
    const own = readFileSync(new URL("../../systemd/holdfast.service", import.meta.url), "utf8");
    for (const line of own.split("\n").filter((each) => /^\w+=/.test(each) && !/^TimeoutStopSec/.test(each)))
      assert.ok(text.includes(`\n${line}\n`), line);
    assert.match(text, /^EnvironmentFile=-\/etc\/holdfast\/secrets\.env$/m);
  });
});
