/**
 * The load balancer: listeners, one target group for each port of the instances, health check, security
 * group.
 *
 * Target groups are built directly, since `addTargets` has no property for what they need. Invariant:
 * every group leaves connections of unhealthy and deregistered targets open, checks one port and one
 * path, and speaks the PROXY protocol exactly when the gateway does.
 */
import { Duration } from "aws-cdk-lib";
import type * as autoscaling from "aws-cdk-lib/aws-autoscaling";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import { Construct } from "constructs";
import { acknowledge } from "./nag.js";
import type { ListenerProps } from "./props.js";
import { type ClusterShape, HEALTH_SECONDS, UNHEALTHY_COUNT } from "./shape.js";

export interface HoldfastLoadBalancerProps {
  readonly vpc: ec2.IVpc;
  readonly shape: ClusterShape;
  readonly listener: ListenerProps;
  readonly crossZone: boolean;
  /** `instance` for a group of EC2 instances, `ip` for tasks. */
  readonly targetType?: elb.TargetType;
}

const HEALTH_PATH = "/healthz";

export class HoldfastLoadBalancer extends Construct {
  readonly securityGroup: ec2.SecurityGroup;
  readonly loadBalancer: elb.NetworkLoadBalancer | elb.ApplicationLoadBalancer;
  readonly groups: readonly (elb.NetworkTargetGroup | elb.ApplicationTargetGroup)[];

  constructor(scope: Construct, id: string, props: HoldfastLoadBalancerProps) {
    super(scope, id);
    const { vpc, shape, listener } = props;
    this.securityGroup = new ec2.SecurityGroup(this, "SecurityGroup", {
      vpc,
      description: "Load balancer of Holdfast: clients in, instances out",
      allowAllOutbound: false,
    });
    shape.groups.forEach((_, n) => {
      for (const network of listener.from ?? ["0.0.0.0/0", "::/0"]) {
        const peer = network.includes(":") ? ec2.Peer.ipv6(network) : ec2.Peer.ipv4(network);
        this.securityGroup.addIngressRule(peer, ec2.Port.tcp(shape.listenerPort + n), "clients");
      }
    });
    acknowledge(
      this.securityGroup,
      "AwsSolutions-EC23",
      "The public listener of a gateway for browsers: anybody may connect unless `listener.from` says otherwise",
    );
    [this.loadBalancer, this.groups] = shape.kind === "nlb" ? this.#network(props) : this.#application(props);
    acknowledge(
      this.loadBalancer,
      "AwsSolutions-ELB2",
      "Access logs need a bucket of the account's own: set `loadBalancer.logAccessLogs`",
    );
  }

  /** Registers a group's instances once for each port. */
  attach(group: autoscaling.AutoScalingGroup): void {
    for (const each of this.groups) {
      if (each instanceof elb.NetworkTargetGroup) group.attachToNetworkTargetGroup(each);
      else group.attachToApplicationTargetGroup(each);
    }
  }

  #network(props: HoldfastLoadBalancerProps): [elb.NetworkLoadBalancer, elb.NetworkTargetGroup[]] {
    const { vpc, shape, listener, crossZone } = props;
    const balancer = new elb.NetworkLoadBalancer(this, "Network", {
      vpc,
      internetFacing: true,
      crossZoneEnabled: crossZone,
      securityGroups: [this.securityGroup],
      enforceSecurityGroupInboundRulesOnPrivateLinkTraffic: true,
    });
    const groups = Array.from({ length: shape.ports }, (_, n) => this.#networkGroup(n, props));
    let first = 0;
    shape.groups.forEach((count, n) => {
      const own = groups.slice(first, first + count);
      first += count;
      const tls = shape.protocol === "tls";
      new elb.NetworkListener(this, `Listener${n + 1}`, {
        loadBalancer: balancer,
        port: shape.listenerPort + n,
        protocol: tls ? elb.Protocol.TLS : elb.Protocol.TCP,
        ...(tls
          ? { certificates: [...(listener.certificates ?? [])], sslPolicy: elb.SslPolicy.RECOMMENDED_TLS }
          : {}),
        ...(tls ? {} : { tcpIdleTimeout: Duration.seconds(shape.idleSeconds) }),
        defaultAction: elb.NetworkListenerAction.forward(own),
      });
    });
    return [balancer, groups];
  }

  #networkGroup(n: number, props: HoldfastLoadBalancerProps): elb.NetworkTargetGroup {
    const { vpc, shape, crossZone } = props;
    const group = new elb.NetworkTargetGroup(this, `Port${n + 1}`, {
      vpc,
      port: shape.firstPort + n,
      protocol: elb.Protocol.TCP,
      targetType: props.targetType ?? elb.TargetType.INSTANCE,
      proxyProtocolV2: shape.proxyProtocol,
      preserveClientIp: !shape.proxyProtocol,
      connectionTermination: false,
      crossZoneEnabled: crossZone,
      deregistrationDelay: Duration.seconds(shape.drain.deregistrationSeconds),
      healthCheck: healthCheck(shape, elb.Protocol.HTTP),
    });
    // No property of the construct: true, the default, cuts every connection when one health check fails.
    group.setAttribute("target_health_state.unhealthy.connection_termination.enabled", "false");
    return group;
  }

  #application(
    props: HoldfastLoadBalancerProps,
  ): [elb.ApplicationLoadBalancer, elb.ApplicationTargetGroup[]] {
    const { vpc, shape, listener } = props;
    const balancer = new elb.ApplicationLoadBalancer(this, "Application", {
      vpc,
      internetFacing: true,
      securityGroup: this.securityGroup,
      idleTimeout: Duration.seconds(shape.idleSeconds),
      dropInvalidHeaderFields: true,
    });
    const groups = Array.from({ length: shape.ports }, (_, n) => {
      return new elb.ApplicationTargetGroup(this, `Port${n + 1}`, {
        vpc,
        port: shape.firstPort + n,
        protocol: elb.ApplicationProtocol.HTTP,
        targetType: props.targetType ?? elb.TargetType.INSTANCE,
        deregistrationDelay: Duration.seconds(shape.drain.deregistrationSeconds),
        loadBalancingAlgorithmType: elb.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
        healthCheck: healthCheck(shape, elb.Protocol.HTTP),
      });
    });
    const secure = shape.protocol === "https";
    new elb.ApplicationListener(this, "Listener1", {
      loadBalancer: balancer,
      port: shape.listenerPort,
      protocol: secure ? elb.ApplicationProtocol.HTTPS : elb.ApplicationProtocol.HTTP,
      ...(secure
        ? { certificates: [...(listener.certificates ?? [])], sslPolicy: elb.SslPolicy.RECOMMENDED_TLS }
        : {}),
      open: false,
      defaultAction: elb.ListenerAction.forward(groups),
    });
    return [balancer, groups];
  }
}

/**
 * All groups ask one port: with several groups an unhealthy one would end the instance of an ELB-checked
 * group.
 */
function healthCheck(shape: ClusterShape, protocol: elb.Protocol): elb.HealthCheck {
  return {
    protocol,
    port: String(shape.firstPort),
    path: HEALTH_PATH,
    interval: Duration.seconds(HEALTH_SECONDS),
    timeout: Duration.seconds(5),
    healthyThresholdCount: 2,
    unhealthyThresholdCount: UNHEALTHY_COUNT,
    healthyHttpCodes: "200",
  };
}
