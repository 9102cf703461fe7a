/**
 * `HoldfastSwarm`: machines that open connections to a gateway, for a load test.
 *
 * An Auto Scaling group of agents that sleep until the parameters say what to do; bin/swarm.sh is its
 * remote control: `status`, `start N`, `set target`, `set n`, `stop all`. Invariant: nothing runs and
 * nothing costs until `start`, and the group reads its own parameters, its packages and the secret that it
 * was given, no more. Never in the VPC's path of the load balancer's own targets: a flow from a target to its
 * own load balancer times out.
 */
import { LINUX } from "@holdfast/platform";
import { ArnFormat, CfnOutput, Duration, Stack } from "aws-cdk-lib";
import * as autoscaling from "aws-cdk-lib/aws-autoscaling";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as ssm from "aws-cdk-lib/aws-ssm";
import { Construct } from "constructs";
import { DEFAULT_VERSION } from "./cluster.js";
import { grantPackages, installLines } from "./install.js";
import { acknowledge } from "./nag.js";
import type { PackageProps } from "./props.js";
import { grantSecret, type SecretSource, secretWord } from "./secret-source.js";

export interface HoldfastSwarmProps {
  /** Most machines that `start N` may ask for: 20. */
  readonly maxMachines?: number;
  readonly instanceType?: string;
  readonly vpc?: ec2.IVpc;
  readonly package?: PackageProps;
  /**
   * The gateway's secret: each connection signs a token of its own. Nothing: for a gateway without tokens.
   */
  readonly jwtSecret?: SecretSource;
}

export class HoldfastSwarm extends Construct {
  constructor(scope: Construct, id: string, props: HoldfastSwarmProps = {}) {
    super(scope, id);
    const { maxMachines = 20, instanceType = "c8g.large" } = props;
    // Public addresses: each machine brings source ports of its own, which one NAT gateway would not.
    const vpc =
      props.vpc ??
      new ec2.Vpc(this, "Vpc", {
        maxAzs: 2,
        natGateways: 0,
        restrictDefaultSecurityGroup: false,
        subnetConfiguration: [{ name: "public", subnetType: ec2.SubnetType.PUBLIC }],
        flowLogs: { rejected: { trafficType: ec2.FlowLogTrafficType.REJECT } },
      });
    const prefix = `/holdfast/swarm/${Stack.of(this).stackName}`;
    const parameters = [
      new ssm.StringParameter(this, "Target", {
        parameterName: `${prefix}/target`,
        stringValue: "none",
        description: "URL of the gateway, or none",
      }),
      new ssm.StringParameter(this, "N", {
        parameterName: `${prefix}/n`,
        stringValue: "50000",
        description: "Connections of each machine",
      }),
    ];
    const role = new iam.Role(this, "Role", { assumedBy: new iam.ServicePrincipal("ec2.amazonaws.com") });
    role.addManagedPolicy(iam.ManagedPolicy.fromAwsManagedPolicyName("AmazonSSMManagedInstanceCore"));
    acknowledge(
      role,
      "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedInstanceCore]",
      "Session Manager in place of SSH: AWS keeps this policy",
    );
    for (const each of parameters) each.grantRead(role);
    grantPackages(props.package ?? {}, role);
    if (props.jwtSecret !== undefined) grantSecret(props.jwtSecret, role);
    const group = new ec2.SecurityGroup(this, "Machines", { vpc, description: "Load machines: nothing in" });
    const template = new ec2.LaunchTemplate(this, "Template", {
      instanceType: new ec2.InstanceType(instanceType),
      machineImage: ec2.MachineImage.latestAmazonLinux2023({
        cpuType: /^\w+g[a-z]*\./.test(instanceType)
          ? ec2.AmazonLinuxCpuType.ARM_64
          : ec2.AmazonLinuxCpuType.X86_64,
      }),
      role,
      securityGroup: group,
      associatePublicIpAddress: true,
      requireImdsv2: true,
      userData: ec2.UserData.custom(machineText(prefix, Stack.of(this).region, props)),
      blockDevices: [{ deviceName: "/dev/xvda", volume: ec2.BlockDeviceVolume.ebs(8, { encrypted: true }) }],
    });
    const fleet = new autoscaling.AutoScalingGroup(this, "Group", {
      vpc,
      autoScalingGroupName: `${Stack.of(this).stackName}-swarm`,
      vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC },
      launchTemplate: template,
      minCapacity: 0,
      maxCapacity: maxMachines,
      healthChecks: autoscaling.HealthChecks.ec2({ gracePeriod: Duration.minutes(5) }),
    });
    acknowledge(fleet, "AwsSolutions-AS3", "Machines of a load test come and go by hand");
    new CfnOutput(this, "GroupArn", {
      value: Stack.of(this).formatArn({
        service: "autoscaling",
        resource: "autoScalingGroup",
        resourceName: fleet.autoScalingGroupName,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      }),
    });
  }
}

/** A machine asks for its orders every ten seconds, and starts its swarm anew when they change. */
function machineText(prefix: string, region: string, props: HoldfastSwarmProps): string {
  const get = (name: string): string =>
    `$(aws ssm get-parameter --region ${region} --name ${prefix}/${name} --query Parameter.Value --output text)`;
  return [
    "#!/bin/bash",
    "set -euo pipefail",
    "dnf install -y nodejs22 nodejs22-npm",
    "mkdir -p /opt/holdfast",
    ...installLines(props.package ?? {}, DEFAULT_VERSION),
    `sysctl -w net.ipv4.ip_local_port_range='1025 65535' fs.nr_open=${LINUX.openFilesPerProcess.value}`,
    "cat > /usr/local/bin/holdfast-swarm <<'HOLDFAST_END'",
    "#!/bin/bash",
    "ulimit -n 1048576",
    "last=; running=",
    "while sleep 10; do",
    `  order="${get("target")} ${get("n")}" || continue`,
    ...(props.jwtSecret === undefined
      ? []
      : [
          `  HOLDFAST_JWT_SECRET="${secretWord(props.jwtSecret, region)}" || continue`,
          "  export HOLDFAST_JWT_SECRET",
        ]),
    '  [ "$order" = "$last" ] && continue',
    '  last=$order; [ -n "$running" ] && kill -TERM "$running" && wait "$running"; running=',
    '  read -r target n <<<"$order"',
    '  [ "$target" = none ] && continue',
    '  /opt/holdfast/node_modules/.bin/holdfast swarm run --url "$target" --report /tmp/swarm-report --connections "$n" --hold 12h & running=$!',
    "done",
    "HOLDFAST_END",
    "chmod 755 /usr/local/bin/holdfast-swarm",
    "cat > /etc/systemd/system/holdfast-swarm.service <<'HOLDFAST_END'",
    "[Unit]",
    "After=network-online.target",
    "Wants=network-online.target",
    "[Service]",
    "ExecStart=/usr/local/bin/holdfast-swarm",
    "Restart=always",
    "LimitNOFILE=1048576",
    "[Install]",
    "WantedBy=multi-user.target",
    "HOLDFAST_END",
    "systemctl daemon-reload && systemctl enable --now holdfast-swarm",
    "",
  ].join("\n");
}
