/**
 * The instances: launch template, Auto Scaling group, terminating hook, deployment by instance refresh,
 * scaling.
 *
 * Invariants: health comes from EC2 and not from the load balancer, so that a drain is not a death; the
 * hook outlives the drain; scaling in takes one instance at a time and waits for its clients to come
 * back.
 */
import { AGENT, conntrackTimeoutSeconds, instanceType } from "@holdfast/platform";
import { Duration, Stack } from "aws-cdk-lib";
import * as autoscaling from "aws-cdk-lib/aws-autoscaling";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { acknowledge } from "./nag.js";
import type { ScalingProps } from "./props.js";
import type { ClusterShape } from "./shape.js";

export interface HoldfastFleetProps {
  readonly vpc: ec2.IVpc;
  readonly shape: ClusterShape;
  readonly securityGroup: ec2.ISecurityGroup;
  readonly role: iam.Role;
  readonly userData: (fleet: { readonly groupName: string; readonly hookName: string }) => ec2.UserData;
  readonly spot: boolean;
  readonly scaling: ScalingProps;
}

type Architecture = ClusterShape["architecture"];

export const HOOK_NAME = "holdfast-drain";
/** Percent of the new instances after which a deployment waits and looks at the alarms. */
export const CHECKPOINTS = [10, 50, 100];
const WARMUP_SECONDS = 180;

export class HoldfastFleet extends Construct {
  readonly group: autoscaling.AutoScalingGroup;

  constructor(scope: Construct, id: string, props: HoldfastFleetProps) {
    super(scope, id);
    const { shape, vpc, role } = props;
    // A name of its own: the agent, the policies of IAM and the metrics need it before the group is
    // there.
    const groupName = `holdfast-${Stack.of(this).stackName}-${this.node.addr.slice(-8)}`;
    const { architecture } = shape;
    const template = this.#template("Template", architecture, props, groupName);
    const mixed = shape.instanceTypes.length > 1 || props.spot;
    this.group = new autoscaling.AutoScalingGroup(this, "Group", {
      vpc,
      autoScalingGroupName: groupName,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      minCapacity: shape.minInstances,
      maxCapacity: shape.maxInstances,
      ...(mixed
        ? { mixedInstancesPolicy: this.#mixed(props, template, groupName) }
        : { launchTemplate: template }),
      healthChecks: autoscaling.HealthChecks.ec2({ gracePeriod: Duration.seconds(WARMUP_SECONDS) }),
      defaultInstanceWarmup: Duration.seconds(WARMUP_SECONDS),
      groupMetrics: [autoscaling.GroupMetrics.all()],
      // The order of zones would be restored by ending instances that have done nothing wrong.
      terminationPolicies: [
        autoscaling.TerminationPolicy.OLDEST_LAUNCH_TEMPLATE,
        autoscaling.TerminationPolicy.DEFAULT,
      ],
      updatePolicy: autoscaling.UpdatePolicy.instanceRefresh({
        strategy: autoscaling.InstanceRefreshStrategy.ROLLING,
        minHealthyPercentage: 100,
        maxHealthyPercentage: 110,
        instanceWarmup: Duration.seconds(WARMUP_SECONDS),
        checkpointPercentages: CHECKPOINTS,
        checkpointDelay: Duration.seconds(Math.max(300, shape.drain.scaleInSeconds)),
        skipMatching: true,
      }),
    });
    new autoscaling.CfnLifecycleHook(this, "Hook", {
      autoScalingGroupName: this.group.autoScalingGroupName,
      lifecycleHookName: HOOK_NAME,
      lifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
      heartbeatTimeout: shape.drain.hookSeconds,
      defaultResult: "CONTINUE",
    });
    this.#permissions(role, groupName);
    this.#scaling(props);
    this.#checkPolicies(groupName);
    acknowledge(
      this.group,
      "AwsSolutions-AS3",
      "Launches and ends are in the dashboard and the alarms; a topic for each of them would be noise",
    );
  }

  /** Alarms that stop a deployment, and roll it back. They watch the group, so they come after it. */
  stopDeploymentsOn(alarms: readonly cloudwatch.Alarm[]): void {
    const group = this.group.node.defaultChild as autoscaling.CfnAutoScalingGroup;
    group.addOverride("UpdatePolicy.AutoScalingInstanceRefresh.Preferences.AlarmSpecification", {
      Alarms: alarms.map((each) => each.alarmName),
    });
  }

  /** A launch template has one image, so it is of one architecture. */
  #template(
    id: string,
    architecture: Architecture,
    props: HoldfastFleetProps,
    groupName: string,
  ): ec2.LaunchTemplate {
    const { shape, role, securityGroup } = props;
    const arm = architecture === "arm64";
    const type = shape.instanceTypes.find((name) => instanceType(name)?.architecture === architecture);
    const template = new ec2.LaunchTemplate(this, id, {
      instanceType: new ec2.InstanceType(type ?? "m8g.xlarge"),
      machineImage: ec2.MachineImage.latestAmazonLinux2023({
        cpuType: arm ? ec2.AmazonLinuxCpuType.ARM_64 : ec2.AmazonLinuxCpuType.X86_64,
      }),
      role,
      securityGroup,
      userData: props.userData({ groupName, hookName: HOOK_NAME }),
      requireImdsv2: true,
      httpPutResponseHopLimit: 1,
      instanceMetadataTags: false,
      detailedMonitoring: true,
      blockDevices: [
        {
          deviceName: "/dev/xvda",
          volume: ec2.BlockDeviceVolume.ebs(16, { encrypted: true, volumeType: ec2.EbsDeviceVolumeType.GP3 }),
        },
      ],
    });
    // Connection tracking can be set on an interface only, and never changed afterwards; so the security
    // groups move there.
    const cfn = template.node.defaultChild as ec2.CfnLaunchTemplate;
    cfn.addPropertyDeletionOverride("LaunchTemplateData.SecurityGroupIds");
    cfn.addPropertyOverride("LaunchTemplateData.NetworkInterfaces", [
      {
        DeviceIndex: 0,
        DeleteOnTermination: true,
        AssociatePublicIpAddress: false,
        Groups: [securityGroup.securityGroupId],
        ConnectionTrackingSpecification: {
          TcpEstablishedTimeout: conntrackTimeoutSeconds(shape.idleSeconds),
        },
      },
    ]);
    return template;
  }

  #mixed(
    props: HoldfastFleetProps,
    template: ec2.LaunchTemplate,
    groupName: string,
  ): autoscaling.MixedInstancesPolicy {
    const { shape, spot } = props;
    const first = instanceType(shape.instanceTypes[0] ?? "")?.cpus ?? 1;
    const isOther = (name: string): boolean => instanceType(name)?.architecture !== shape.architecture;
    const architecture = shape.architecture === "arm64" ? "x86_64" : "arm64";
    const other = shape.instanceTypes.some(isOther)
      ? this.#template("OtherTemplate", architecture, props, groupName)
      : undefined;
    return {
      launchTemplate: template,
      launchTemplateOverrides: shape.instanceTypes.map((name) => ({
        instanceType: new ec2.InstanceType(name),
        ...(other !== undefined && isOther(name) ? { launchTemplate: other } : {}),
        weightedCapacity: Math.max(1, Math.round((instanceType(name)?.cpus ?? first) / first)),
      })),
      instancesDistribution: {
        onDemandPercentageAboveBaseCapacity: spot ? 0 : 100,
        spotAllocationStrategy: autoscaling.SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED,
      },
    };
  }

  /** What the agent may do, of this group alone. `Describe` knows no resources. */
  #permissions(role: iam.Role, groupName: string): void {
    const arn = Stack.of(this)
      .formatArn({
        service: "autoscaling",
        resource: "autoScalingGroup",
        resourceName: `*:autoScalingGroupName/${groupName}`,
        arnFormat: undefined,
      })
      .replace("autoScalingGroup/", "autoScalingGroup:");
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"],
        resources: [arn],
      }),
    );
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ["cloudwatch:PutMetricData"],
        resources: ["*"],
        conditions: { StringEquals: { "cloudwatch:namespace": AGENT.namespace } },
      }),
    );
    role.addToPolicy(
      new iam.PolicyStatement({ actions: ["autoscaling:DescribeAutoScalingInstances"], resources: ["*"] }),
    );
    acknowledge(
      role,
      "AwsSolutions-IAM5[Resource::*]",
      "PutMetricData, bounded by its namespace, and Describe know no resources",
    );
    acknowledge(
      role,
      `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:autoscaling:<AWS::Region>:<AWS::AccountId>:autoScalingGroup:*:autoScalingGroupName/${groupName}]`,
      "The group by its name; its number is made by AWS",
    );
  }

  #scaling({ shape, scaling }: HoldfastFleetProps): void {
    const { targetPercent = 70, loopDelayMs = 100, on = ["connections", "loop-delay"] } = scaling;
    const { connections, loopDelay } = AGENT.metrics;
    const most = Math.min(shape.connectionsPerInstance, shape.plan.capacity.connections);
    const target = Math.max(1, Math.floor((most * targetPercent) / 100));
    if (on.includes("connections")) this.#track("OnConnections", connections.name, target);
    if (on.includes("loop-delay")) this.#track("OnLoopDelay", loopDelay.name, loopDelayMs);
    this.#scaleIn(shape, Math.floor(target * 0.6));
  }

  /** Adds instances only: taking away is one at a time, below. */
  #track(id: string, metricName: string, targetValue: number): void {
    new autoscaling.CfnScalingPolicy(this, id, {
      autoScalingGroupName: this.group.autoScalingGroupName,
      policyType: "TargetTrackingScaling",
      estimatedInstanceWarmup: WARMUP_SECONDS,
      targetTrackingConfiguration: {
        targetValue,
        disableScaleIn: true,
        customizedMetricSpecification: {
          namespace: AGENT.namespace,
          metricName,
          statistic: "Average",
          dimensions: [{ name: AGENT.dimension, value: this.group.autoScalingGroupName }],
        },
      },
    });
  }

  #scaleIn(shape: ClusterShape, below: number): void {
    const policy = new autoscaling.CfnScalingPolicy(this, "ScaleIn", {
      autoScalingGroupName: this.group.autoScalingGroupName,
      policyType: "SimpleScaling",
      adjustmentType: "ChangeInCapacity",
      scalingAdjustment: -1,
      cooldown: String(shape.drain.scaleInSeconds),
    });
    new cloudwatch.CfnAlarm(this, "ScaleInAlarm", {
      alarmDescription: `Fewer than ${below} connections an instance for as long as a drain takes: one instance leaves`,
      namespace: AGENT.namespace,
      metricName: AGENT.metrics.connections.name,
      dimensions: [{ name: AGENT.dimension, value: this.group.autoScalingGroupName }],
      statistic: "Average",
      period: 60,
      evaluationPeriods: Math.max(10, Math.ceil(shape.drain.scaleInSeconds / 60)),
      threshold: below,
      comparisonOperator: "LessThanThreshold",
      treatMissingData: "ignore",
      alarmActions: [policy.ref],
    });
  }

  /** A policy that is added later is looked at, too. */
  #checkPolicies(groupName: string): void {
    this.group.node.addValidation({
      validate: () => {
        const policies = Stack.of(this)
          .node.findAll()
          .filter(
            (each): each is autoscaling.CfnScalingPolicy => each instanceof autoscaling.CfnScalingPolicy,
          );
        const predefined = policies.flatMap((each) => {
          const { targetTrackingConfiguration } = each;
          const found = JSON.stringify(Stack.of(this).resolve(targetTrackingConfiguration) ?? {});
          const name = /"predefinedMetricType":"(\w+)"/.exec(found)?.[1];
          return name === undefined ? [] : [name];
        });
        return predefined.map((name) =>
          name === "ASGAverageCPUUtilization"
            ? `${groupName}: a policy on CPU: an instance full of idle connections is not busy. Scale on connections and loop delay`
            : `${groupName}: a policy on ${name}: it says nothing of open connections`,
        );
      },
    });
  }
}
