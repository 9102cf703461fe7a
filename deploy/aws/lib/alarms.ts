/**
 * Alarms: what breaks first, each with the sentence that says what to do.
 *
 * Invariant: an alarm's metric is one that something publishes: the load balancer, Redis, the group, or
 * the agent by the names of @holdfast/platform.
 */
import { AGENT, type AgentMetric } from "@holdfast/platform";
import { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import type * as sns from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";

export interface HoldfastAlarmsProps {
  readonly groupName: string;
  readonly loadBalancer: elb.NetworkLoadBalancer | elb.ApplicationLoadBalancer;
  readonly targetGroups: readonly (elb.NetworkTargetGroup | elb.ApplicationTargetGroup)[];
  readonly redisNodes: readonly string[];
  readonly connectionsPerInstance: number;
  readonly loopDelayMs: number;
  readonly topic: sns.ITopic | undefined;
  /** Only an instance has counters of its network interface; default instances. */
  readonly of?: "instances" | "tasks";
}

interface AlarmOptions {
  readonly threshold: number;
  readonly periods?: number;
  readonly below?: boolean;
  readonly missingIsBad?: boolean;
  readonly says: string;
}

export class HoldfastAlarms extends Construct {
  readonly all: cloudwatch.Alarm[] = [];
  /** Those that say that a new version is worse. */
  get canaries(): cloudwatch.Alarm[] {
    return this.all.filter(({ node }) =>
      ["Unhealthy", "LoopDelay", "Errors", "Resets", "Full"].includes(node.id),
    );
  }

  constructor(scope: Construct, id: string, props: HoldfastAlarmsProps) {
    super(scope, id);
    this.#loadBalancer(props);
    this.#instances(props);
    this.#redis(props);
    if (props.topic !== undefined) {
      const action = new SnsAction(props.topic);
      for (const alarm of this.all) {
        alarm.addAlarmAction(action);
        alarm.addOkAction(action);
      }
    }
  }

  #loadBalancer({ loadBalancer, targetGroups }: HoldfastAlarmsProps): void {
    if (loadBalancer instanceof elb.NetworkLoadBalancer) {
      this.#add("PortAllocation", loadBalancer.metrics.custom("PortAllocationErrorCount", sum()), {
        threshold: 0,
        says: "The load balancer has no more ports to a target: more ports, or more instances",
      });
      this.#add("Resets", loadBalancer.metrics.custom("TCP_Target_Reset_Count", sum()), {
        threshold: 1000,
        periods: 5,
        says: "Instances reset connections: look at their logs and at the kernel's limits",
      });
    } else {
      const errors = loadBalancer.metrics.httpCodeElb(elb.HttpCodeElb.ELB_5XX_COUNT, {
        period: Duration.minutes(1),
      });
      this.#add("Errors", errors, { threshold: 50, periods: 3, says: "The load balancer answers 5xx" });
    }
    const [first] = targetGroups;
    if (first !== undefined) {
      const unhealthy =
        first instanceof elb.NetworkTargetGroup
          ? first.metrics.unHealthyHostCount()
          : first.metrics.unhealthyHostCount();
      this.#add("Unhealthy", unhealthy.with({ period: Duration.minutes(1), statistic: "Maximum" }), {
        threshold: 0,
        periods: 10,
        says: "A target fails its health check for ten minutes: longer than a drain takes",
      });
    }
  }

  #instances({ groupName, connectionsPerInstance, loopDelayMs, ...props }: HoldfastAlarmsProps): void {
    const { metrics } = AGENT;
    this.#add("AgentSilent", agentMetric(groupName, metrics.connections, "SampleCount"), {
      threshold: 1,
      below: true,
      periods: 5,
      missingIsBad: true,
      says: "No instance reports: scaling stands still, and terminations wait for the hook's end",
    });
    this.#add("Full", agentMetric(groupName, metrics.free, "Minimum"), {
      threshold: Math.floor(connectionsPerInstance * 0.05),
      below: true,
      periods: 3,
      says: "An instance is full to 95 %: new clients get 503 there",
    });
    this.#add("LoopDelay", agentMetric(groupName, metrics.loopDelay, "Maximum"), {
      threshold: loopDelayMs * 3,
      periods: 5,
      says: "A worker's event loop is late: more instances, or less work a connection",
    });
    if (props.of === "tasks") return;
    for (const [id, metric] of [
      ["Conntrack", metrics.conntrackExceeded],
      ["Packets", metrics.ppsExceeded],
      ["BandwidthIn", metrics.bandwidthInExceeded],
      ["BandwidthOut", metrics.bandwidthOutExceeded],
    ] as const) {
      this.#add(id, agentMetric(groupName, metric, "Sum"), {
        threshold: 0,
        says: `${metric.meaning} A larger instance type, or more instances`,
      });
    }
  }

  #redis({ redisNodes }: HoldfastAlarmsProps): void {
    redisNodes.forEach((node, n) => {
      const of = (metricName: string, statistic: string): cloudwatch.Metric =>
        new cloudwatch.Metric({
          namespace: "AWS/ElastiCache",
          metricName,
          dimensionsMap: { CacheClusterId: node },
          statistic,
          period: Duration.minutes(1),
        });
      this.#add(`Evictions${n + 1}`, of("Evictions", "Sum"), {
        threshold: 0,
        says: "Redis evicts keys: history, leases or revocations are lost. More memory",
      });
      this.#add(`RedisMemory${n + 1}`, of("DatabaseMemoryUsagePercentage", "Maximum"), {
        threshold: 75,
        periods: 5,
        says: "Redis is filling up; at its limit it refuses writes",
      });
      this.#add(`RedisCpu${n + 1}`, of("EngineCPUUtilization", "Maximum"), {
        threshold: 80,
        periods: 5,
        says: "Redis' one thread is busy: a larger node does not help, Redis Cluster does",
      });
    });
  }

  #add(
    id: string,
    metric: cloudwatch.IMetric,
    { threshold, periods = 1, below = false, missingIsBad = false, says }: AlarmOptions,
  ): void {
    this.all.push(
      new cloudwatch.Alarm(this, id, {
        metric,
        alarmDescription: says,
        threshold,
        evaluationPeriods: periods,
        comparisonOperator: below
          ? cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
          : cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        treatMissingData: missingIsBad
          ? cloudwatch.TreatMissingData.BREACHING
          : cloudwatch.TreatMissingData.NOT_BREACHING,
      }),
    );
  }
}

function sum(): cloudwatch.MetricOptions {
  return { statistic: "Sum", period: Duration.minutes(1) };
}

/** What the agent publishes, over the instances of a group. */
export function agentMetric(groupName: string, { name }: AgentMetric, statistic: string): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: AGENT.namespace,
    metricName: name,
    dimensionsMap: { [AGENT.dimension]: groupName },
    statistic,
    period: Duration.seconds(AGENT.intervalSeconds),
  });
}
