/**
 * A VPC for those who have none: public subnets for the load balancer, private ones for instances and
 * Redis.
 */
import * as ec2 from "aws-cdk-lib/aws-ec2";
import type { Construct } from "constructs";

/** One NAT gateway: it carries packages and AWS' own APIs, never a client's connection. */
export function newVpc(scope: Construct): ec2.Vpc {
  return new ec2.Vpc(scope, "Vpc", {
    maxAzs: 3,
    natGateways: 1,
    restrictDefaultSecurityGroup: false,
    subnetConfiguration: [
      { name: "public", subnetType: ec2.SubnetType.PUBLIC, mapPublicIpOnLaunch: false },
      { name: "private", subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
    ],
    flowLogs: { rejected: { trafficType: ec2.FlowLogTrafficType.REJECT } },
  });
}
