/**
 * The task of `HoldfastService`: the gateway's container and, beside it, `holdfast aws task`, which protects
 * the task while it drains and reports its load.
 *
 * Both are of one image. Invariant: what the task may write is /tmp; no secret is a plain variable; the
 * agent's end is not the task's.
 */
import { ECS, type IdleTimer, LINUX, LOAD_BALANCER, mostPingSeconds } from "@holdfast/platform";
import { ArnFormat, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as iam from "aws-cdk-lib/aws-iam";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { acknowledge } from "./nag.js";
import { ADMIN_PORT, FIRST_PORT } from "./shape.js";

export interface HoldfastTaskProps {
  readonly image: string;
  readonly cpu: number;
  readonly memoryMiB: number;
  readonly ports: number;
  /** That the task takes at most. */
  readonly connections: number;
  readonly drainWindowSeconds: number;
  readonly timers: readonly IdleTimer[];
  readonly settings: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, ecs.Secret>>;
  readonly cluster: ecs.Cluster;
  /** Under which the load is reported. */
  readonly groupName: string;
}

/** Kept for the agent, MiB: Node.js with a few requests a minute. */
const AGENT_MEMORY_MIB = 128;

export class HoldfastTask extends Construct {
  readonly definition: ecs.FargateTaskDefinition;

  constructor(scope: Construct, id: string, props: HoldfastTaskProps) {
    super(scope, id);
    this.definition = new ecs.FargateTaskDefinition(this, "Definition", {
      cpu: props.cpu,
      memoryLimitMiB: props.memoryMiB,
      runtimePlatform: {
        cpuArchitecture: ecs.CpuArchitecture.ARM64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
    });
    acknowledge(
      this.definition,
      "AwsSolutions-ECS2",
      "Settings are no secrets; those come from a store of secrets",
    );
    const group = new logs.LogGroup(this, "Logs", {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // The workers' sockets; everything else of the root is read-only.
    this.definition.addVolume({ name: "tmp" });
    const gateway = this.#gateway(props, group);
    const agent = this.#agent(props, group);
    agent.addContainerDependencies({ container: gateway, condition: ecs.ContainerDependencyCondition.START });
    this.#permissions(props.cluster);
  }

  #gateway(props: HoldfastTaskProps, logGroup: logs.ILogGroup): ecs.ContainerDefinition {
    const { ports } = props;
    const container = this.definition.addContainer("gateway", {
      image: ecs.ContainerImage.fromRegistry(props.image),
      essential: true,
      readonlyRootFilesystem: true,
      linuxParameters: new ecs.LinuxParameters(this, "Linux", { initProcessEnabled: false }),
      stopTimeout: Duration.seconds(ECS.stopTimeoutMost.value),
      portMappings: Array.from({ length: ports }, (_, n) => ({ containerPort: FIRST_PORT + n })),
      logging: logging("gateway", logGroup),
      environment: {
        HOLDFAST_HOST: "0.0.0.0",
        HOLDFAST_PORT: ports === 1 ? String(FIRST_PORT) : `${FIRST_PORT}-${FIRST_PORT + ports - 1}`,
        HOLDFAST_ADMIN_PORT: String(ADMIN_PORT),
        // The address of the task's own interface, which its metadata name, too; the link-local one of the
        // metadata service is passed over.
        HOLDFAST_ADVERTISE: "auto",
        HOLDFAST_PING_INTERVAL: `${Math.min(25, mostPingSeconds(props.timers))}s`,
        HOLDFAST_DRAIN_DELAY: "0s",
        HOLDFAST_DRAIN_WINDOW: `${props.drainWindowSeconds}s`,
        HOLDFAST_MAX_CONNECTIONS: String(
          Math.min(props.connections, ports * LOAD_BALANCER.connectionsPerTargetPort.value),
        ),
        HOLDFAST_LOG_FORMAT: "json",
        ...props.settings,
      },
      secrets: { ...props.secrets },
    });
    container.addUlimits({
      name: ecs.UlimitName.NOFILE,
      softLimit: LINUX.openFilesPerProcess.value,
      hardLimit: LINUX.openFilesPerProcess.value,
    });
    container.addMountPoints({ sourceVolume: "tmp", containerPath: "/tmp", readOnly: false });
    // Of the task's own network namespace; a host-mode task on EC2 may not set them.
    (this.definition.node.defaultChild as ecs.CfnTaskDefinition).addPropertyOverride(
      "ContainerDefinitions.0.SystemControls",
      [
        { Namespace: "net.core.somaxconn", Value: "16384" },
        { Namespace: "net.ipv4.tcp_fin_timeout", Value: "20" },
      ],
    );
    return container;
  }

  /** Its lines are in the embedded metric format, of which CloudWatch makes metrics. */
  #agent(props: HoldfastTaskProps, logGroup: logs.ILogGroup): ecs.ContainerDefinition {
    const url = `http://127.0.0.1:${ADMIN_PORT}`;
    return this.definition.addContainer("agent", {
      image: ecs.ContainerImage.fromRegistry(props.image),
      command: ["aws", "task", "--group", props.groupName, "--url", url],
      essential: false,
      enableRestartPolicy: true,
      readonlyRootFilesystem: true,
      memoryReservationMiB: AGENT_MEMORY_MIB,
      logging: logging("agent", logGroup),
    });
  }

  /** The endpoint of ECS that the agent asks calls both with the role of the task. */
  #permissions(cluster: ecs.Cluster): void {
    const tasks = Stack.of(this).formatArn({
      service: "ecs",
      resource: "task",
      resourceName: `${cluster.clusterName}/*`,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });
    this.definition.addToTaskRolePolicy(
      new iam.PolicyStatement({
        actions: ["ecs:UpdateTaskProtection", "ecs:GetTaskProtection"],
        resources: [tasks],
      }),
    );
    const name = Stack.of(this).getLogicalId(cluster.node.defaultChild as ecs.CfnCluster);
    acknowledge(
      this.definition.taskRole,
      `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>:task/<${name}>/*]`,
      "The tasks of this cluster; a task's own number is made by ECS",
    );
  }
}

function logging(streamPrefix: string, logGroup: logs.ILogGroup): ecs.LogDriver {
  return ecs.LogDrivers.awsLogs({ streamPrefix, logGroup, mode: ecs.AwsLogDriverMode.NON_BLOCKING });
}
