/**
 * `HoldfastService`: the same gateway as tasks of Fargate, for those who run no instances.
 *
 * What differs: a task has two minutes from SIGTERM to its end, so the drain is shorter; the service
 * takes a task out of its target groups before SIGTERM, so there is no drain delay; peers find each other
 * by the task's own address. Invariant: at most five ports, and a drain that ends before the stop
 * timeout.
 */
import {
  ECS,
  idleTimers,
  LINUX,
  LOAD_BALANCER,
  mostPingSeconds,
  portsNeeded,
  REDIS_NODES,
  timingsFor,
} from "@holdfast/platform";
import { CfnOutput, Duration, RemovalPolicy } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import * as logs from "aws-cdk-lib/aws-logs";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { InvalidProps } from "./checks.js";
import { fargateProblems } from "./fargate-checks.js";
import { acknowledge } from "./nag.js";
import { newVpc } from "./network.js";
import { HoldfastRedis } from "./redis.js";
import { ADMIN_PORT, FIRST_PORT, HEALTH_SECONDS } from "./shape.js";

export interface HoldfastServiceProps {
  /** Connections of all tasks together. */
  readonly connections: number;
  /** URI of the image of deploy/docker, with a digest or an exact tag. */
  readonly image: string;
  readonly vpc?: ec2.IVpc;
  readonly tasks?: number;
  readonly cpu?: 1024 | 2048 | 4096 | 8192;
  readonly memoryMiB?: number;
  /** At most 100. */
  readonly drainWindowSeconds?: number;
  readonly settings?: Readonly<Record<string, string>>;
}

const LISTENER_PORT = 80;

export class HoldfastService extends Construct {
  readonly service: ecs.FargateService;

  constructor(scope: Construct, id: string, props: HoldfastServiceProps) {
    super(scope, id);
    const { cpu = 2048, memoryMiB = 8192, tasks = 3, drainWindowSeconds = 90 } = props;
    const ports = portsNeeded(Math.ceil((props.connections * 11) / (10 * Math.max(1, tasks - 1))));
    const problems = fargateProblems({ ...props, cpu, memoryMiB, tasks, drainWindowSeconds, ports });
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
    const task = this.#task(props, { cpu, memoryMiB, ports, drainWindowSeconds }, redis);
    const balancerGroup = new ec2.SecurityGroup(this, "Balancer", {
      vpc,
      description: "Load balancer of Holdfast",
      allowAllOutbound: false,
    });
    balancerGroup.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(LISTENER_PORT), "clients");
    acknowledge(balancerGroup, "AwsSolutions-EC23", "The public listener of a gateway for browsers");
    const taskGroup = new ec2.SecurityGroup(this, "Tasks", { vpc, description: "Tasks of Holdfast" });
    const range = ec2.Port.tcpRange(FIRST_PORT, FIRST_PORT + ports - 1);
    taskGroup.addIngressRule(balancerGroup, range, "clients, by the load balancer");
    taskGroup.addIngressRule(taskGroup, ec2.Port.tcp(FIRST_PORT), "other tasks of the cluster");
    balancerGroup.addEgressRule(taskGroup, range, "tasks");
    redis.securityGroup?.addIngressRule(taskGroup, ec2.Port.tcp(6379), "tasks of the cluster");
    const balancer = new elb.NetworkLoadBalancer(this, "Network", {
      vpc,
      internetFacing: true,
      securityGroups: [balancerGroup],
    });
    acknowledge(
      balancer,
      "AwsSolutions-ELB2",
      "Access logs need a bucket of the account's own: `logAccessLogs`",
    );
    this.service = new ecs.FargateService(this, "Service", {
      cluster,
      taskDefinition: task,
      desiredCount: tasks,
      securityGroups: [taskGroup],
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      // A new task serves before an old one leaves.
      minHealthyPercent: 100,
      maxHealthyPercent: 150,
      circuitBreaker: { rollback: true },
      healthCheckGracePeriod: Duration.seconds(60),
      platformVersion: ecs.FargatePlatformVersion.LATEST,
    });
    const groups = Array.from({ length: ports }, (_, n) => this.#group(n, vpc, drainWindowSeconds));
    new elb.NetworkListener(this, "Listener", {
      loadBalancer: balancer,
      port: LISTENER_PORT,
      protocol: elb.Protocol.TCP,
      tcpIdleTimeout: Duration.seconds(LOAD_BALANCER.nlbIdleDefault.value),
      defaultAction: elb.NetworkListenerAction.forward(groups),
    });
    new CfnOutput(this, "Address", { value: balancer.loadBalancerDnsName });
  }

  #task(
    { image, connections, settings = {} }: HoldfastServiceProps,
    size: { cpu: number; memoryMiB: number; ports: number; drainWindowSeconds: number },
    redis: HoldfastRedis,
  ): ecs.FargateTaskDefinition {
    const task = new ecs.FargateTaskDefinition(this, "Task", {
      cpu: size.cpu,
      memoryLimitMiB: size.memoryMiB,
      runtimePlatform: {
        cpuArchitecture: ecs.CpuArchitecture.ARM64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
    });
    acknowledge(task, "AwsSolutions-ECS2", "Settings are no secrets; those come from Secrets Manager");
    const keys = this.#secret("Keys", "Holdfast: keys for resume tokens and the admin port");
    const jwt = this.#secret("JwtSecret", "Holdfast: your application signs its clients' tokens with it");
    const url = redis.urlSecret();
    const last = FIRST_PORT + size.ports - 1;
    const container = task.addContainer("gateway", {
      image: ecs.ContainerImage.fromRegistry(image),
      essential: true,
      readonlyRootFilesystem: true,
      linuxParameters: new ecs.LinuxParameters(this, "Linux", { initProcessEnabled: false }),
      stopTimeout: Duration.seconds(ECS.stopTimeoutMost.value),
      portMappings: Array.from({ length: size.ports }, (_, n) => ({ containerPort: FIRST_PORT + n })),
      logging: ecs.LogDrivers.awsLogs({
        streamPrefix: "holdfast",
        logGroup: new logs.LogGroup(this, "Logs", {
          retention: logs.RetentionDays.ONE_MONTH,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
        mode: ecs.AwsLogDriverMode.NON_BLOCKING,
      }),
      environment: {
        HOLDFAST_HOST: "0.0.0.0",
        HOLDFAST_PORT: size.ports === 1 ? String(FIRST_PORT) : `${FIRST_PORT}-${last}`,
        HOLDFAST_ADMIN_PORT: String(ADMIN_PORT),
        // The task's own address, which is that of its one network interface.
        HOLDFAST_ADVERTISE: "auto",
        HOLDFAST_PING_INTERVAL: `${Math.min(25, mostPingSeconds(idleTimers("nlb", "tcp", LOAD_BALANCER.nlbIdleDefault.value)))}s`,
        HOLDFAST_DRAIN_DELAY: "0s",
        HOLDFAST_DRAIN_WINDOW: `${size.drainWindowSeconds}s`,
        HOLDFAST_MAX_CONNECTIONS: String(
          Math.min(connections, size.ports * LOAD_BALANCER.connectionsPerTargetPort.value),
        ),
        HOLDFAST_LOG_FORMAT: "json",
        ...settings,
      },
      secrets: {
        HOLDFAST_SECRET: ecs.Secret.fromSecretsManager(keys),
        HOLDFAST_JWT_SECRET: ecs.Secret.fromSecretsManager(jwt),
        HOLDFAST_REDIS: ecs.Secret.fromSecretsManager(url),
      },
    });
    container.addUlimits({
      name: ecs.UlimitName.NOFILE,
      softLimit: LINUX.openFilesPerProcess.value,
      hardLimit: LINUX.openFilesPerProcess.value,
    });
    // Of the task's own network namespace; a host-mode task on EC2 may not set them.
    (task.node.defaultChild as ecs.CfnTaskDefinition).addPropertyOverride(
      "ContainerDefinitions.0.SystemControls",
      [
        { Namespace: "net.core.somaxconn", Value: "16384" },
        { Namespace: "net.ipv4.tcp_fin_timeout", Value: "20" },
      ],
    );
    // The workers' sockets; everything else of the root is read-only.
    task.addVolume({ name: "tmp" });
    container.addMountPoints({ sourceVolume: "tmp", containerPath: "/tmp", readOnly: false });
    return task;
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
        unhealthyThresholdCount: 2,
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
