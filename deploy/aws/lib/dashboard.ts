/**
 * One dashboard: connections and room, loop delay, the load balancer's limits, drops of the network
 * interface, Redis.
 */
import { AGENT } from "@holdfast/platform";
import { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import { Construct } from "constructs";
import { agentMetric, type HoldfastAlarmsProps } from "./alarms.js";

export class HoldfastDashboard extends Construct {
  constructor(
    scope: Construct,
    id: string,
    props: HoldfastAlarmsProps & { readonly alarms: readonly cloudwatch.IAlarm[] },
  ) {
    super(scope, id);
    const { groupName, loadBalancer, redisNodes, alarms } = props;
    const of = (key: keyof typeof AGENT.metrics, statistic: string): cloudwatch.Metric =>
      agentMetric(groupName, AGENT.metrics[key], statistic);
    const graph = (title: string, left: cloudwatch.IMetric[]): cloudwatch.GraphWidget =>
      new cloudwatch.GraphWidget({ title, left, width: 12, leftYAxis: { min: 0 } });
    const board = new cloudwatch.Dashboard(this, "Board", { defaultInterval: Duration.hours(3) });
    board.addWidgets(new cloudwatch.AlarmStatusWidget({ alarms: [...alarms], width: 24, title: "Alarms" }));
    board.addWidgets(
      graph("Connections", [of("connections", "Sum"), of("connections", "Maximum")]),
      graph("Room, and draining instances", [of("free", "Minimum"), of("draining", "Sum")]),
    );
    const dropped = graph("Dropped by the network interface", [
      of("conntrackExceeded", "Sum"),
      of("ppsExceeded", "Sum"),
      of("bandwidthInExceeded", "Sum"),
      of("bandwidthOutExceeded", "Sum"),
    ]);
    board.addWidgets(
      graph("Event-loop delay, ms", [of("loopDelay", "Average"), of("loopDelay", "Maximum")]),
      ...(props.of === "tasks" ? [] : [dropped]),
    );
    const balancer =
      loadBalancer instanceof elb.NetworkLoadBalancer
        ? [loadBalancer.metrics.activeFlowCount(), loadBalancer.metrics.custom("PortAllocationErrorCount")]
        : [loadBalancer.metrics.activeConnectionCount(), loadBalancer.metrics.rejectedConnectionCount()];
    board.addWidgets(
      graph("Load balancer", balancer),
      graph(
        "Redis",
        redisNodes.flatMap((node) =>
          ["EngineCPUUtilization", "DatabaseMemoryUsagePercentage"].map(
            (metricName) =>
              new cloudwatch.Metric({
                namespace: "AWS/ElastiCache",
                metricName,
                dimensionsMap: { CacheClusterId: node },
              }),
          ),
        ),
      ),
    );
  }
}
