/**
 * How a Fargate service grows and shrinks: as the group of instances does, by what the agents report.
 *
 * Invariant: it grows by connections and loop delay, and shrinks by one task at a time, with the period of a
 * drain between.
 */
import { AGENT, type AgentMetric, type DrainTimings } from "@holdfast/platform";
import { Duration } from "aws-cdk-lib";
import * as appscaling from "aws-cdk-lib/aws-applicationautoscaling";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import type * as ecs from "aws-cdk-lib/aws-ecs";
import { Construct } from "constructs";
import { agentMetric } from "./alarms.js";

export interface HoldfastServiceScalingProps {
  readonly service: ecs.FargateService;
  readonly cluster: ecs.ICluster;
  readonly groupName: string;
  readonly least: number;
  readonly most: number;
  /** That a task takes at most. */
  readonly connectionsPerTask: number;
  readonly targetPercent: number;
  readonly loopDelayMs: number;
  readonly drain: DrainTimings;
}

/** From the order of a task to its first connections. */
const WARMUP = Duration.seconds(120);

export class HoldfastServiceScaling extends Construct {
  constructor(scope: Construct, id: string, props: HoldfastServiceScalingProps) {
    super(scope, id);
    const { service, cluster, groupName, connectionsPerTask, targetPercent } = props;
    const target = new appscaling.ScalableTarget(this, "Tasks", {
      serviceNamespace: appscaling.ServiceNamespace.ECS,
      scalableDimension: "ecs:service:DesiredCount",
      resourceId: `service/${cluster.clusterName}/${service.serviceName}`,
      minCapacity: props.least,
      maxCapacity: props.most,
    });
    const { connections, loopDelay } = AGENT.metrics;
    const full = Math.max(1, Math.floor((connectionsPerTask * targetPercent) / 100));
    const grow = (policy: string, metric: AgentMetric, targetValue: number): void => {
      target.scaleToTrackMetric(policy, {
        customMetric: agentMetric(groupName, metric, "Average"),
        targetValue,
        disableScaleIn: true,
        scaleOutCooldown: WARMUP,
      });
    };
    grow("OnConnections", connections, full);
    grow("OnLoopDelay", loopDelay, props.loopDelayMs);
    this.#shrink(target, Math.floor(full * 0.6), props);
  }

  #shrink(
    target: appscaling.ScalableTarget,
    below: number,
    { groupName, drain }: HoldfastServiceScalingProps,
  ): void {
    const policy = new appscaling.CfnScalingPolicy(this, "ScaleIn", {
      policyName: `${groupName}-scale-in`,
      policyType: "StepScaling",
      scalingTargetId: target.scalableTargetId,
      stepScalingPolicyConfiguration: {
        adjustmentType: "ChangeInCapacity",
        cooldown: drain.scaleInSeconds,
        metricAggregationType: "Average",
        stepAdjustments: [{ metricIntervalUpperBound: 0, scalingAdjustment: -1 }],
      },
    });
    new cloudwatch.CfnAlarm(this, "ScaleInAlarm", {
      alarmDescription: `Fewer than ${below} connections a task for as long as a drain takes: one task leaves`,
      namespace: AGENT.namespace,
      metricName: AGENT.metrics.connections.name,
      dimensions: [{ name: AGENT.dimension, value: groupName }],
      statistic: "Average",
      period: 60,
      evaluationPeriods: Math.max(10, Math.ceil(drain.scaleInSeconds / 60)),
      threshold: below,
      comparisonOperator: "LessThanThreshold",
      treatMissingData: "ignore",
      alarmActions: [policy.ref],
    });
  }
}
