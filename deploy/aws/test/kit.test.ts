/**
 * The app as a whole: it synthesises without a network, follows cdk-nag, and template.yaml has not
 * drifted. And the stacks for Fargate and for the swarm.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { AGENT } from "@holdfast/platform";
import { App, Stack, Validations } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import { AwsSolutionsChecks } from "cdk-nag";
import { HoldfastCluster, HoldfastService, HoldfastSwarm, InvalidProps } from "../lib/index.js";
import { templateText } from "../lib/template-text.js";
import { attributes, type Resource } from "./support.js";

const folder = mkdtempSync(join(tmpdir(), "holdfast-kit-"));
after(() => rmSync(folder, { recursive: true, force: true }));

describe("the app", () => {
  it("synthesises all three stacks offline, with no finding of cdk-nag or CloudFormation's validation", () => {
    const flags = [
      "-c",
      "swarm=true",
      "-c",
      "image=registry.example/holdfast:0.1.0",
      "-c",
      "packages=s3://packages-of-mine/holdfast/0.1.0",
      "--output",
      join(folder, "out"),
    ];
    // No network: every proxy leads nowhere, and there are no credentials.
    const nowhere = "http://127.0.0.1:9";
    const env = {
      ...process.env,
      HTTP_PROXY: nowhere,
      HTTPS_PROXY: nowhere,
      https_proxy: nowhere,
      AWS_EC2_METADATA_DISABLED: "true",
    };
    const app = "node --import tsx bin/app.ts";
    const run = spawnSync("npx", ["--no-install", "cdk", "synth", "--quiet", "--app", app, ...flags], {
      env,
      encoding: "utf8",
    });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    const { pluginReports } = JSON.parse(readFileSync(join(folder, "out/validation-report.json"), "utf8"));
    const failed = pluginReports.filter(({ conclusion }: { conclusion: string }) => conclusion !== "success");
    assert.deepEqual(failed, []);
  });

  it("is told by cdk-nag what it does not follow", () => {
    const app = new App();
    const stack = new Stack(app, "Planted");
    const vpc = new ec2.Vpc(stack, "Vpc", { restrictDefaultSecurityGroup: false });
    new ec2.SecurityGroup(stack, "Open", { vpc }).addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.allTraffic());
    const report = new AwsSolutionsChecks(app).validateScope(app);
    assert.ok(report.violations.some(({ ruleName }) => /EC23/.test(ruleName)));
  });

  it("explains every rule that it does not follow, in a sentence", () => {
    const app = new App();
    new HoldfastCluster(new Stack(app, "Holdfast"), "Gateway", { connections: 90_000 });
    new HoldfastSwarm(new Stack(app, "Swarm"), "Swarm");
    const image = "registry.example/holdfast:0.1.0";
    new HoldfastService(new Stack(app, "Fargate"), "Gateway", { connections: 90_000, image });
    const key = Validations.ACKNOWLEDGED_RULES_METADATA_KEY;
    const entries = app.node
      .findAll()
      .flatMap(({ node }) => node.metadata.filter(({ type }) => type === key));
    assert.ok(entries.length >= 6, String(entries.length));
    for (const { data } of entries) assert.match(JSON.stringify(data), /[\w,;:`' ]{25}/);
  });
});

describe("the programs in the documents", () => {
  const documents = ["../../../README.md", "../../../docs/aws.md", "../README.md"];
  // Beside lib/, where a reader puts them.
  const own = mkdtempSync(join(import.meta.dirname, "../.programs-"));
  after(() => rmSync(own, { recursive: true, force: true }));
  const programs = documents.flatMap((document) => {
    const text = readFileSync(new URL(document, import.meta.url), "utf8");
    const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
    return blocks.filter((code) => code.includes("HoldfastCluster")).map((code) => ({ document, code }));
  });

  it("are there", () =>
    assert.deepEqual(new Set(programs.map(({ document }) => document)), new Set(documents)));

  programs.forEach(({ document, code }, n) => {
    it(`synthesise as they stand: ${document}`, () => {
      const file = join(own, `${n}.ts`);
      const checked = 'import { Template } from "aws-cdk-lib/assertions";\nTemplate.fromStack(stack);\n';
      writeFileSync(file, `${code.replaceAll('"./lib/', '"../lib/')}\n${checked}`);
      const run = spawnSync(process.execPath, ["--import", "tsx", file], { encoding: "utf8" });
      assert.equal(run.status, 0, run.stdout + run.stderr);
    });
  });

  it("have the types of the kit", () => {
    const config = { extends: "../tsconfig.json", include: ["*.ts"] };
    writeFileSync(join(own, "tsconfig.json"), JSON.stringify(config));
    const run = spawnSync("npx", ["--no-install", "tsc", "--noEmit", "-p", own], { encoding: "utf8" });
    assert.equal(run.status, 0, run.stdout + run.stderr);
  });
});

describe("template.yaml", () => {
  const file = readFileSync(new URL("../template.yaml", import.meta.url), "utf8");

  it("is what the constructs make", () => {
    assert.equal(file, templateText(), "run `npm run template` and commit the result");
  });

  it("needs no bootstrap and fits into what CloudFormation takes without a bucket", () => {
    assert.doesNotMatch(file, /cdk-bootstrap|BootstrapVersion|AssetParameters/);
    assert.ok(Buffer.byteLength(file) <= 51_200, String(Buffer.byteLength(file)));
  });
});

describe("on Fargate", () => {
  const stack = new Stack(new App(), "Fargate");
  new HoldfastService(stack, "Gateway", { connections: 200_000, image: "registry.example/holdfast:0.1.0" });
  const template = Template.fromStack(stack);
  const of = (type: string): Resource[] => Object.values(template.findResources(type)) as Resource[];
  const [task] = of("AWS::ECS::TaskDefinition");
  const [container] = task?.Properties.ContainerDefinitions ?? [];
  const env = Object.fromEntries(
    container.Environment.map(({ Name, Value }: { Name: string; Value: string }) => [Name, Value]),
  );

  it("the drain ends before the task is killed, and begins at once", () => {
    assert.equal(container.StopTimeout, 120);
    assert.equal(env.HOLDFAST_DRAIN_DELAY, "0s");
    assert.ok(parseInt(env.HOLDFAST_DRAIN_WINDOW, 10) <= 100);
  });

  it("a task has the files, the queue and the read-only root that the gateway wants", () => {
    assert.deepEqual(container.Ulimits, [{ Name: "nofile", SoftLimit: 1_048_576, HardLimit: 1_048_576 }]);
    assert.ok(
      container.SystemControls.some(
        ({ Namespace }: { Namespace: string }) => Namespace === "net.core.somaxconn",
      ),
    );
    assert.equal(task?.Properties.NetworkMode, "awsvpc");
    assert.equal(container.ReadonlyRootFilesystem, true);
    assert.deepEqual(container.MountPoints, [
      { ContainerPath: "/tmp", ReadOnly: false, SourceVolume: "tmp" },
    ]);
    assert.equal(env.HOLDFAST_ADVERTISE, "auto");
  });

  it("a service has at most five target groups, and leaves them soon without cutting connections", () => {
    const groups = of("AWS::ElasticLoadBalancingV2::TargetGroup");
    const [service] = of("AWS::ECS::Service");
    assert.ok(groups.length <= 5);
    assert.equal(service?.Properties.LoadBalancers.length, groups.length);
    for (const group of groups) {
      const own = attributes(group);
      assert.ok(Number(own["deregistration_delay.timeout_seconds"]) <= 30);
      assert.equal(own["target_health_state.unhealthy.connection_termination.enabled"], "false");
      assert.equal(own["deregistration_delay.connection_termination.enabled"], "false");
      assert.equal(group.Properties.HealthCheckPort, "8080");
    }
  });

  it("no secret is a plain variable", () => {
    const secrets = container.Secrets.map(({ Name }: { Name: string }) => Name).sort();
    assert.deepEqual(secrets, ["HOLDFAST_JWT_SECRET", "HOLDFAST_REDIS", "HOLDFAST_SECRET"]);
    for (const name of secrets) assert.equal(env[name], undefined);
    // The application has to find what it signs with.
    assert.ok(Object.keys(template.findOutputs("*")).some((name) => /JwtSecretArn/.test(name)));
  });

  it("an agent beside the gateway protects the task while it drains, and reports its load", () => {
    const [gateway, agent] = task?.Properties.ContainerDefinitions ?? [];
    assert.equal(agent.Image, gateway.Image);
    assert.deepEqual(agent.Command.slice(0, 3), ["aws", "task", "--group"]);
    assert.ok(agent.Command.includes(`http://127.0.0.1:${env.HOLDFAST_ADMIN_PORT}`));
    assert.deepEqual([agent.Essential, agent.RestartPolicy.Enabled], [false, true]);
    assert.equal(agent.ReadonlyRootFilesystem, true);
    const rights = of("AWS::IAM::Policy").map(({ Properties }) => JSON.stringify(Properties.PolicyDocument));
    const [own] = rights.filter((each) => /ecs:UpdateTaskProtection/.test(each));
    assert.match(own ?? "", /"ecs:UpdateTaskProtection","ecs:GetTaskProtection"/);
    assert.doesNotMatch(own ?? "", /"Resource":"\*"/);
  });

  it("the service grows by what the agent reports, and shrinks one task at a time", () => {
    const agent = task?.Properties.ContainerDefinitions[1];
    const group = agent.Command[3];
    const policies = of("AWS::ApplicationAutoScaling::ScalingPolicy").map(({ Properties }) => Properties);
    const tracked = policies.filter(({ PolicyType }) => PolicyType === "TargetTrackingScaling");
    const specified = tracked.map((each) => each.TargetTrackingScalingPolicyConfiguration);
    assert.deepEqual(
      specified.map(({ CustomizedMetricSpecification: its, DisableScaleIn }) => [
        its.Namespace,
        its.MetricName,
        its.Statistic,
        its.Dimensions,
        DisableScaleIn,
      ]),
      [AGENT.metrics.connections, AGENT.metrics.loopDelay].map(({ name }) => [
        AGENT.namespace,
        name,
        "Average",
        [{ Name: AGENT.dimension, Value: group }],
        true,
      ]),
    );
    const [shrink] = policies.filter(({ PolicyType }) => PolicyType === "StepScaling");
    const { StepAdjustments, Cooldown } = shrink?.StepScalingPolicyConfiguration ?? {};
    assert.deepEqual(StepAdjustments, [{ MetricIntervalUpperBound: 0, ScalingAdjustment: -1 }]);
    assert.ok(Cooldown >= parseInt(env.HOLDFAST_DRAIN_WINDOW, 10));
    const [target] = of("AWS::ApplicationAutoScaling::ScalableTarget");
    assert.deepEqual([target?.Properties.MinCapacity, target?.Properties.MaxCapacity], [3, 6]);
    // The count is the scaling's: a deployment leaves it alone.
    assert.equal(of("AWS::ECS::Service")[0]?.Properties.DesiredCount, undefined);
    assert.doesNotMatch(JSON.stringify(policies), /Predefined/);
  });

  it("alarms watch what is published, and roll a bad deployment back", () => {
    const alarms = of("AWS::CloudWatch::Alarm").map(({ Properties }) => Properties.MetricName);
    for (const name of [
      "PortAllocationErrorCount",
      "UnHealthyHostCount",
      "Evictions",
      "FreeConnections",
      "LoopDelayP99",
    ])
      assert.ok(alarms.includes(name), name);
    assert.ok(!alarms.some((name) => /Allowance/.test(name)));
    const [service] = of("AWS::ECS::Service");
    const { Alarms, DeploymentCircuitBreaker } = service?.Properties.DeploymentConfiguration ?? {};
    assert.deepEqual([Alarms.Enable, Alarms.Rollback, DeploymentCircuitBreaker.Rollback], [true, true, true]);
    assert.ok(Alarms.AlarmNames.length >= 3);
  });

  it("a listener with a certificate speaks TLS, and has no idle timeout of its own", () => {
    const own = new Stack(new App(), "Tls");
    const certificate = Certificate.fromCertificateArn(
      own,
      "C",
      "arn:aws:acm:eu-north-1:111111111111:certificate/z",
    );
    new HoldfastService(own, "Gateway", {
      connections: 90_000,
      image: "registry.example/holdfast:0.1.0",
      certificates: [certificate],
      from: ["10.0.0.0/8"],
      jwtSecret: StringParameter.fromSecureStringParameterAttributes(own, "Jwt", {
        parameterName: "/gateway/jwt",
      }),
    });
    const made = Template.fromStack(own);
    const [listener] = Object.values(
      made.findResources("AWS::ElasticLoadBalancingV2::Listener"),
    ) as Resource[];
    assert.deepEqual([listener?.Properties.Protocol, listener?.Properties.Port], ["TLS", 443]);
    assert.equal(listener?.Properties.ListenerAttributes, undefined);
    assert.match(JSON.stringify(listener?.Properties.Certificates), /certificate\/z/);
    // 90,000 and a tenth over the two tasks that are left while one is gone.
    assert.match(JSON.stringify(made.toJSON()), /"HOLDFAST_MAX_CONNECTIONS","Value":"49500"/);
    const text = JSON.stringify(made.toJSON());
    assert.match(text, /"CidrIp":"10\.0\.0\.0\/8"/);
    assert.doesNotMatch(text, /"CidrIp":"0\.0\.0\.0\/0"[^}]*"FromPort":443/);
    assert.match(
      text,
      /"Name":"HOLDFAST_JWT_SECRET","ValueFrom":\{"Fn::Join":\["",\["arn:",.*?parameter\/gateway\/jwt/,
    );
  });

  const mistakes: [string, object, RegExp][] = [
    ["fewer tasks at most than at least", { maxTasks: 2 }, /^ {2}maxTasks: 2 is less than tasks, 3/m],
    ["more tasks than targets", { maxTasks: 2000 }, /^ {2}maxTasks: \d+ targets: the load balancer takes/m],
    ["a drain of five minutes", { drainWindowSeconds: 300 }, /Fargate kills a task 120 s after SIGTERM/],
    ["six ports", { connections: 600_000 }, /a service takes 5 target groups/],
    ["the tag latest", { image: "registry.example/holdfast:latest" }, /exact tag or a digest/],
    ["an image without a tag", { image: "registry.example:5000/holdfast" }, /exact tag or a digest/],
    ["one task", { tasks: 1, connections: 1000 }, /nowhere to go/],
    ["a task that is too small", { memoryMiB: 2048, cpu: 1024 }, /it takes 0: a task has 2 GiB/],
  ];
  for (const [name, change, sentence] of mistakes) {
    it(`${name} ends the synth`, () => {
      const props = { connections: 200_000, image: "registry.example/holdfast:0.1.0", ...change };
      assert.throws(
        () => new HoldfastService(new Stack(new App(), "S"), "G", props),
        (error: Error) => error instanceof InvalidProps && sentence.test(error.message),
      );
    });
  }
});

describe("the swarm", () => {
  const stack = new Stack(new App(), "Load");
  new HoldfastSwarm(stack, "Swarm");
  const template = Template.fromStack(stack);

  it("costs nothing until it is started, and listens to nobody", () => {
    template.hasResourceProperties("AWS::AutoScaling::AutoScalingGroup", {
      MinSize: "0",
      AutoScalingGroupName: "Load-swarm",
    });
    for (const group of Object.values(template.findResources("AWS::EC2::SecurityGroup")))
      assert.equal(group.Properties.SecurityGroupIngress, undefined);
  });

  it("signs tokens with the gateway's secret, which each machine reads itself", () => {
    const app = new App();
    const own = new Stack(app, "Own");
    const jwtSecret = StringParameter.fromSecureStringParameterAttributes(own, "Jwt", {
      parameterName: "/jwt",
    });
    new HoldfastSwarm(own, "Swarm", { jwtSecret });
    const made = Template.fromStack(own);
    const [machine] = Object.values(made.findResources("AWS::EC2::LaunchTemplate")) as Resource[];
    const text = JSON.stringify(machine?.Properties.LaunchTemplateData.UserData);
    assert.match(text, /HOLDFAST_JWT_SECRET=.*ssm get-parameter .*--name '\/jwt' --with-decryption/);
    assert.match(JSON.stringify(made.findResources("AWS::IAM::Policy")), /ssm:GetParameter.*parameter\/jwt/);
    // Only the order of words is in the script; without a secret there is no token.
    assert.doesNotMatch(JSON.stringify(template.toJSON()), /HOLDFAST_JWT_SECRET/);
  });

  /** An `aws` that writes down what it is asked. */
  const remote = (...args: string[]): { status: number | null; calls: string[]; err: string } => {
    const log = join(folder, "calls");
    writeFileSync(log, "");
    writeFileSync(join(folder, "aws"), `#!/bin/sh\necho "$*" >> ${log}\necho stored\n`);
    chmodSync(join(folder, "aws"), 0o755);
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
    const run = spawnSync("bash", ["bin/swarm.sh", "--stack", "Load", ...args], { env, encoding: "utf8" });
    return { status: run.status, calls: readFileSync(log, "utf8").trim().split("\n"), err: run.stderr };
  };

  it("takes orders of the parameters and the group that the stack makes", () => {
    const names = Object.values(template.findResources("AWS::SSM::Parameter")).map(
      (each) => each.Properties.Name,
    );
    assert.deepEqual(names.sort(), ["/holdfast/swarm/Load/n", "/holdfast/swarm/Load/target"]);
    assert.match(
      remote("set", "target", "ws://gw.example:80-83/ws").calls[0] ?? "",
      /--name \/holdfast\/swarm\/Load\/target --value ws:\/\/gw\.example:80-83\/ws/,
    );
    assert.match(
      remote("set", "n", "40000").calls[0] ?? "",
      /--name \/holdfast\/swarm\/Load\/n --value 40000/,
    );
    assert.match(
      remote("start", "7").calls[0] ?? "",
      /set-desired-capacity --auto-scaling-group-name Load-swarm --desired-capacity 7/,
    );
    const { calls } = remote("stop", "all");
    assert.match(calls.join("\n"), /target --value none[\s\S]*--desired-capacity 0/);
    assert.match(remote("status").calls.join("\n"), /get-parameter[\s\S]*describe-auto-scaling-groups/);
  });

  for (const args of [
    ["start", "many"],
    ["start", "0"],
    ["set", "target", "gw"],
    ["set", "target", "https://gw.example:443/ws"],
    ["set", "target", "ws://gw.example/ws"],
    ["set", "target", "ws://gw.example:80/ws?token=x"],
    ["set", "n"],
    ["stop"],
    [],
  ]) {
    it(`refuses \`${args.join(" ") || "nothing"}\` before it asks AWS for anything`, () => {
      const { status, calls, err } = remote(...args);
      assert.deepEqual([status, calls], [2, [""]]);
      assert.match(err, /usage: swarm\.sh/);
    });
  }
});
