/**
 * `HoldfastService`: the same gateway as tasks of Fargate, for those who run no instances.
 *
 * What differs: a task has two minutes from SIGTERM to its end, so the drain is shorter; the service
 * takes a task out of its target groups before SIGTERM, so there is no drain delay; peers find each other
 * by the task's own address. Invariant: at most five ports, and a drain that ends before the stop
 * timeout.
 */
import { idleTimers, LOAD_BALANCER, portsNeeded, REDIS_NODES, timingsFor } from "@holdfast/platform";
import { CfnOutput, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import type * as acm from "aws-cdk-lib/aws-certificatemanager";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import type * as sns from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import { HoldfastAlarms, type HoldfastAlarmsProps } from "./alarms.js";
import { InvalidProps } from "./checks.js";
import { HoldfastDashboard } from "./dashboard.js";
import { fargateProblems } from "./fargate-checks.js";
import { acknowledge } from "./nag.js";
import { newVpc } from "./network.js";
import { HoldfastRedis } from "./redis.js";
import { containerSecret, type SecretSource } from "./secret-source.js";
import { HoldfastServiceScaling } from "./service-scaling.js";
import { FIRST_PORT, HEALTH_SECONDS, UNHEALTHY_COUNT } from "./shape.js";
import { HoldfastTask } from "./task.js";

export interface HoldfastServiceProps {
  /** Connections of all tasks together. */
  readonly connections: number;
  /** URI of the image of deploy/docker, with a digest or an exact tag. */
  readonly image: string;
  readonly vpc?: ec2.IVpc;
  /** At least so many: 3. */
  readonly tasks?: number;
  /** At most so many: twice `tasks`. */
  readonly maxTasks?: number;
  readonly cpu?: 1024 | 2048 | 4096 | 8192;
  readonly memoryMiB?: number;
  /** At most 100. */
  readonly drainWindowSeconds?: number;
  /** With one or more the listener speaks TLS on port 443, otherwise TCP on port 80. */
  readonly certificates?: readonly acm.ICertificate[];
  /** Networks that may connect; 0.0.0.0/0 and ::/0 where nothing is said. */
  readonly from?: readonly string[];
  /** What clients' tokens are signed with; one is made where nothing is said. */
  readonly jwtSecret?: SecretSource;
  /** Share of a task's connections at which one is added, percent: 70. */
  readonly targetPercent?: number;
  /** Event-loop delay at which one is added, ms: 100. */
  readonly loopDelayMs?: number;
  /** Where alarms go. */
  readonly alarmTopic?: sns.ITopic;
  readonly settings?: Readonly<Record<string, string>>;
}

export class HoldfastService extends Construct {
  readonly service: ecs.FargateService;
  readonly alarms: HoldfastAlarms;

  constructor(scope: Construct, id: string, props: HoldfastServiceProps) {
    super(scope, id);
    const { cpu = 2048, memoryMiB = 8192, tasks = 3, drainWindowSeconds = 90 } = props;
    const { maxTasks = 2 * tasks, targetPercent = 70, loopDelayMs = 100 } = props;
    const share = Math.ceil((props.connections * 11) / (10 * Math.max(1, tasks - 1)));
    const ports = portsNeeded(share);
    const numbers = { ...props, cpu, memoryMiB, tasks, maxTasks, drainWindowSeconds, targetPercent, ports };
    const problems = fargateProblems(numbers);
    if (problems.length > 0) throw new InvalidProps("HoldfastService", problems);
    const vpc = props.vpc ?? newVpc(this);
    const redis = new HoldfastRedis(this, "Redis", {
      vpc,
      redis: { kind: "nodes" },
      nodeType: REDIS_NODES[0]?.name ?? "cache.r7g.large",
    });
    const cluster = new ecs.Cluster(this, "Cluster", {
      vpc,
      containerInsightsV2: ecs.ContainerInsights.ENABLED,
    });
    const groupName = `holdfast-${Stack.of(this).stackName}-${this.node.addr.slice(-8)}`;
    const secure = (props.certificates ?? []).length > 0;
    const { definition } = new HoldfastTask(this, "Task", {
      ...{ image: props.image, cpu, memoryMiB, ports, drainWindowSeconds, cluster, groupName },
      connections: share,
      timers: idleTimers("nlb", secure ? "tls" : "tcp", LOAD_BALANCER.nlbIdleDefault.value),
      settings: props.settings ?? {},
      secrets: this.#secrets(props, redis),
    });
    const balancer = this.#balancer(vpc, props);
    const taskGroup = this.#taskGroup(vpc, balancer, ports, redis);
    this.service = this.#service(cluster, definition, taskGroup);
    const groups = Array.from({ length: ports }, (_, n) => this.#group(n, vpc, drainWindowSeconds));
    this.#listener(balancer, groups, props);
    const watched: HoldfastAlarmsProps = {
      ...{ groupName, loadBalancer: balancer, targetGroups: groups, loopDelayMs },
      redisNodes: redis.nodes,
      connectionsPerInstance: share,
      topic: props.alarmTopic,
      of: "tasks",
    };
    this.alarms = new HoldfastAlarms(this, "Alarms", watched);
    this.#stopDeploymentsOn(this.alarms);
    new HoldfastDashboard(this, "Dashboard", { ...watched, alarms: this.alarms.all });
    new HoldfastServiceScaling(this, "Scaling", {
      ...{ service: this.service, cluster, groupName, targetPercent, loopDelayMs },
      ...{ least: tasks, most: maxTasks, connectionsPerTask: share },
      drain: timingsFor("fargate", 0, drainWindowSeconds),
    });
    new CfnOutput(this, "Address", { value: balancer.loadBalancerDnsName });
  }

  #secrets({ jwtSecret }: HoldfastServiceProps, redis: HoldfastRedis): Record<string, ecs.Secret> {
    const keys = this.#secret("Keys", "Holdfast: keys for resume tokens and the admin port");
    const jwt = jwtSecret ?? this.#ownJwtSecret();
    return {
      HOLDFAST_SECRET: containerSecret(keys),
      HOLDFAST_JWT_SECRET: containerSecret(jwt),
      HOLDFAST_REDIS: containerSecret(redis.urlSecret()),
    };
  }

  #ownJwtSecret(): secretsmanager.Secret {
    const made = this.#secret("JwtSecret", "Holdfast: your application signs its clients' tokens with it");
    new CfnOutput(this, "JwtSecretArn", { value: made.secretArn });
    return made;
  }

  #balancer(vpc: ec2.IVpc, { certificates = [], from = ["0.0.0.0/0", "::/0"] }: HoldfastServiceProps) {
    const group = new ec2.SecurityGroup(this, "Balancer", {
      vpc,
      description: "Load balancer of Holdfast",
      allowAllOutbound: false,
    });
    for (const network of from) {
      const peer = network.includes(":") ? ec2.Peer.ipv6(network) : ec2.Peer.ipv4(network);
      group.addIngressRule(peer, ec2.Port.tcp(listenerPort(certificates)), "clients");
    }
    acknowledge(group, "AwsSolutions-EC23", "The public listener of a gateway for browsers");
    const balancer = new elb.NetworkLoadBalancer(this, "Network", {
      vpc,
      internetFacing: true,
      securityGroups: [group],
    });
    acknowledge(
      balancer,
      "AwsSolutions-ELB2",
      "Access logs need a bucket of the account's own: `logAccessLogs`",
    );
    return balancer;
  }

  #taskGroup(
    vpc: ec2.IVpc,
    balancer: elb.NetworkLoadBalancer,
    ports: number,
    redis: HoldfastRedis,
  ): ec2.SecurityGroup {
    const group = new ec2.SecurityGroup(this, "Tasks", { vpc, description: "Tasks of Holdfast" });
    const range = ec2.Port.tcpRange(FIRST_PORT, FIRST_PORT + ports - 1);
    balancer.connections.allowTo(group, range, "clients, by the load balancer");
    group.addIngressRule(group, ec2.Port.tcp(FIRST_PORT), "other tasks of the cluster");
    redis.securityGroup?.addIngressRule(group, ec2.Port.tcp(6379), "tasks of the cluster");
    return group;
  }

  #service(
    cluster: ecs.Cluster,
    taskDefinition: ecs.FargateTaskDefinition,
    group: ec2.SecurityGroup,
  ): ecs.FargateService {
    const service = new ecs.FargateService(this, "Service", {
      cluster,
      taskDefinition,
      securityGroups: [group],
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      // A new task serves before an old one leaves.
      minHealthyPercent: 100,
      maxHealthyPercent: 150,
      circuitBreaker: { rollback: true },
      healthCheckGracePeriod: Duration.seconds(60),
      platformVersion: ecs.FargatePlatformVersion.LATEST,
    });
    // A count in the template would be set anew by each deployment, whatever the scaling had made of it.
    (service.node.defaultChild as ecs.CfnService).addPropertyDeletionOverride("DesiredCount");
    return service;
  }

  /** Alarms that stop a deployment, and roll it back. */
  #stopDeploymentsOn({ canaries }: HoldfastAlarms): void {
    // By name, which `enableDeploymentAlarms` takes for a circle: the alarms need the load balancer and the
    // reports, and neither needs the service.
    const service = this.service.node.defaultChild as ecs.CfnService;
    service.addPropertyOverride("DeploymentConfiguration.Alarms", {
      AlarmNames: canaries.map((each) => each.alarmName),
      Enable: true,
      Rollback: true,
    });
  }

  #listener(
    loadBalancer: elb.NetworkLoadBalancer,
    groups: elb.NetworkTargetGroup[],
    { certificates = [] }: HoldfastServiceProps,
  ): void {
    const tls = certificates.length > 0;
    new elb.NetworkListener(this, "Listener", {
      loadBalancer,
      port: listenerPort(certificates),
      protocol: tls ? elb.Protocol.TLS : elb.Protocol.TCP,
      // A TLS listener has an idle timeout of its own, which is fixed.
      ...(tls
        ? { certificates: [...certificates], sslPolicy: elb.SslPolicy.RECOMMENDED_TLS }
        : { tcpIdleTimeout: Duration.seconds(LOAD_BALANCER.nlbIdleDefault.value) }),
      defaultAction: elb.NetworkListenerAction.forward(groups),
    });
  }

  #group(n: number, vpc: ec2.IVpc, drainWindowSeconds: number): elb.NetworkTargetGroup {
    const { deregistrationSeconds } = timingsFor("fargate", 0, drainWindowSeconds);
    const group = new elb.NetworkTargetGroup(this, `Port${n + 1}`, {
      vpc,
      port: FIRST_PORT + n,
      protocol: elb.Protocol.TCP,
      targetType: elb.TargetType.IP,
      targets: [this.service.loadBalancerTarget({ containerName: "gateway", containerPort: FIRST_PORT + n })],
      preserveClientIp: true,
      connectionTermination: false,
      deregistrationDelay: Duration.seconds(deregistrationSeconds),
      healthCheck: {
        protocol: elb.Protocol.HTTP,
        port: String(FIRST_PORT),
        path: "/healthz",
        interval: Duration.seconds(HEALTH_SECONDS),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: UNHEALTHY_COUNT,
      },
    });
    group.setAttribute("target_health_state.unhealthy.connection_termination.enabled", "false");
    return group;
  }

  #secret(id: string, description: string): secretsmanager.Secret {
    const made = new secretsmanager.Secret(this, id, {
      description,
      generateSecretString: { passwordLength: 48, excludePunctuation: true },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    acknowledge(made, "AwsSolutions-SMG4", "All tasks must change it together: a rotation is a deployment");
    return made;
  }
}

function listenerPort(certificates: readonly acm.ICertificate[]): number {
  return certificates.length > 0 ? 443 : 80;
}
