/**
 * `HoldfastCluster`: a working fleet from one number.
 *
 * new HoldfastCluster(this, "Gateway", { connections: 200_000 });
 *
 * Joins the parts and owns the security groups between them. Invariant: the instances admit the load
 * balancer on their ports, each other on the first port, and no other peer; the admin port is on loopback
 * unless networks are named.
 */
import { instanceType } from "@holdfast/platform";
import { CfnOutput, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { HoldfastAlarms, type HoldfastAlarmsProps } from "./alarms.js";
import { checkedShape } from "./checks.js";
import { HoldfastDashboard } from "./dashboard.js";
import { HoldfastFleet } from "./fleet.js";
import { grantPackages, installLines } from "./install.js";
import { HoldfastLoadBalancer } from "./load-balancer.js";
import { acknowledge } from "./nag.js";
import { newVpc } from "./network.js";
import type { HoldfastClusterProps } from "./props.js";
import { HoldfastRedis } from "./redis.js";
import { grantSecret, type SecretSource, secretWord } from "./secret-source.js";
import { gatewaySettings } from "./settings.js";
import { ADMIN_PORT, type ClusterShape } from "./shape.js";
import { userDataText } from "./user-data.js";

/** The version that the kit was tested with. */
export const DEFAULT_VERSION = "0.1.0";

export class HoldfastCluster extends Construct {
  readonly shape: ClusterShape;
  readonly vpc: ec2.IVpc;
  readonly loadBalancer: HoldfastLoadBalancer;
  readonly redis: HoldfastRedis;
  readonly fleet: HoldfastFleet;
  readonly alarms: HoldfastAlarms;
  readonly securityGroup: ec2.SecurityGroup;
  /** What clients' tokens are signed with, where it is a secret. */
  readonly jwtSecret: SecretSource | undefined;

  constructor(scope: Construct, id: string, props: HoldfastClusterProps) {
    super(scope, id);
    const zones = props.vpc?.availabilityZones.length ?? Stack.of(this).availabilityZones.length;
    // Before anything is made: a wrong prop ends the synth with all problems.
    this.shape = checkedShape(props, Math.min(3, zones));
    const { shape } = this;
    const { region } = Stack.of(this);
    this.vpc = props.vpc ?? newVpc(this);
    this.redis = new HoldfastRedis(this, "Redis", {
      vpc: this.vpc,
      redis: props.redis ?? { kind: "nodes" },
      nodeType: shape.plan.redis.node?.name ?? "cache.r7g.large",
    });
    this.loadBalancer = new HoldfastLoadBalancer(this, "LoadBalancer", {
      vpc: this.vpc,
      shape,
      listener: props.listener ?? {},
      crossZone: props.crossZone ?? false,
    });
    this.securityGroup = this.#securityGroup(props);
    const keys = this.#secret(
      "Keys",
      "Holdfast: from it instances make their own key and that of the admin port",
    );
    const jwt = this.#jwtSecret(props);
    this.jwtSecret = jwt;
    const role = this.#role([...this.redis.secrets, keys, ...(jwt === undefined ? [] : [jwt])]);
    grantPackages(props.package ?? {}, role);
    this.fleet = new HoldfastFleet(this, "Fleet", {
      vpc: this.vpc,
      shape,
      securityGroup: this.securityGroup,
      role,
      spot: props.spot ?? false,
      scaling: props.scaling ?? {},
      userData: ({ groupName, hookName }) =>
        ec2.UserData.custom(
          userDataText({
            connections: shape.connectionsPerInstance,
            cpus: instanceType(shape.instanceTypes[0] ?? "")?.cpus ?? 2,
            region,
            settings: gatewaySettings(props, shape, this.vpc.vpcCidrBlock),
            ...this.#secretTexts(keys, jwt, region),
            stopSeconds: shape.drain.stopSeconds,
            install: installLines(props.package ?? {}, DEFAULT_VERSION),
            agent: [
              "--group",
              groupName,
              "--hook",
              hookName,
              "--heartbeat",
              `${shape.drain.heartbeatSeconds}s`,
            ],
            healthPort: shape.firstPort,
          }),
        ),
    });
    this.loadBalancer.attach(this.fleet.group);
    const watched: HoldfastAlarmsProps = {
      groupName: this.fleet.group.autoScalingGroupName,
      loadBalancer: this.loadBalancer.loadBalancer,
      targetGroups: this.loadBalancer.groups,
      redisNodes: this.redis.nodes,
      connectionsPerInstance: shape.connectionsPerInstance,
      loopDelayMs: props.scaling?.loopDelayMs ?? 100,
      topic: props.alarmTopic,
    };
    this.alarms = new HoldfastAlarms(this, "Alarms", watched);
    this.fleet.stopDeploymentsOn(this.alarms.canaries);
    new HoldfastDashboard(this, "Dashboard", { ...watched, alarms: this.alarms.all });
    this.#checkAdminPort();
    new CfnOutput(this, "Address", { value: this.loadBalancer.loadBalancer.loadBalancerDnsName });
    new CfnOutput(this, "KeysArn", { value: keys.secretArn });
  }

  #securityGroup({ admin }: HoldfastClusterProps): ec2.SecurityGroup {
    const group = new ec2.SecurityGroup(this, "Instances", {
      vpc: this.vpc,
      description: "Instances of Holdfast: load balancer and each other",
      allowAllOutbound: true,
    });
    const { firstPort, ports } = this.shape;
    const range = ec2.Port.tcpRange(firstPort, firstPort + ports - 1);
    group.addIngressRule(this.loadBalancer.securityGroup, range, "clients, by the load balancer");
    this.loadBalancer.securityGroup.addEgressRule(group, range, "instances");
    // Peers reach each other by `advertise`, never by the load balancer: a flow back to its own target
    // times out.
    group.addIngressRule(group, ec2.Port.tcp(firstPort), "other instances of the cluster");
    for (const network of admin?.from ?? []) {
      const peer = network.includes(":") ? ec2.Peer.ipv6(network) : ec2.Peer.ipv4(network);
      group.addIngressRule(peer, ec2.Port.tcp(ADMIN_PORT), "operators");
    }
    if (this.redis.securityGroup !== undefined) {
      this.redis.securityGroup.addIngressRule(group, ec2.Port.tcp(6379), "instances of the cluster");
    }
    return group;
  }

  #secret(id: string, description: string): secretsmanager.Secret {
    const made = new secretsmanager.Secret(this, id, {
      description,
      generateSecretString: { passwordLength: 48, excludePunctuation: true },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    acknowledge(
      made,
      "AwsSolutions-SMG4",
      "All instances must change it together: a rotation is a deployment",
    );
    return made;
  }

  /** What tokens of clients are signed with: the given secret, or one that the application reads. */
  #jwtSecret({ auth = {} }: HoldfastClusterProps): SecretSource | undefined {
    if ("anonymous" in auth || "jwksUrl" in auth) return undefined;
    if (auth.jwtSecret !== undefined) return auth.jwtSecret;
    const made = this.#secret("JwtSecret", "Holdfast: your application signs its clients' tokens with it");
    new CfnOutput(this, "JwtSecretArn", { value: made.secretArn });
    return made;
  }

  #secretTexts(
    keys: SecretSource,
    jwt: SecretSource | undefined,
    region: string,
  ): { variables: Record<string, string>; secrets: Record<string, string> } {
    // One secret, two keys: each is a digest of it under a name of its own, so that neither can be made
    // from the other.
    const derived = (name: string): string => `$(printf '%s:%s' ${name} "$keys" | sha256sum | cut -c1-64)`;
    const [redis] = this.redis.secrets;
    const word = (secret: SecretSource): string => secretWord(secret, region);
    return {
      variables: {
        keys: word(keys),
        ...(jwt === undefined ? {} : { jwt: word(jwt) }),
        ...(redis === undefined ? {} : { redis: word(redis) }),
      },
      secrets: {
        HOLDFAST_SECRET: derived("secret"),
        HOLDFAST_ADMIN_KEY: derived("admin"),
        ...(jwt === undefined ? {} : { HOLDFAST_JWT_SECRET: "$jwt" }),
        ...(this.redis.url === undefined ? {} : { HOLDFAST_REDIS: this.redis.url }),
      },
    };
  }

  #role(secrets: readonly SecretSource[]): iam.Role {
    const role = new iam.Role(this, "Role", {
      assumedBy: new iam.ServicePrincipal("ec2.amazonaws.com"),
      description: "Instances of Holdfast",
    });
    role.addManagedPolicy(iam.ManagedPolicy.fromAwsManagedPolicyName("AmazonSSMManagedInstanceCore"));
    for (const secret of secrets) grantSecret(secret, role);
    acknowledge(
      role,
      "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedInstanceCore]",
      "Session Manager in place of SSH: AWS keeps this policy",
    );
    return role;
  }

  /** A rule that is added to the instances' group later is looked at, too. */
  #checkAdminPort(): void {
    this.securityGroup.node.addValidation({
      validate: () => {
        const rules = JSON.stringify(
          Stack.of(this).resolve(
            (this.securityGroup.node.defaultChild as ec2.CfnSecurityGroup).securityGroupIngress,
          ) ?? [],
        );
        const open = (
          JSON.parse(rules) as { cidrIp?: string; cidrIpv6?: string; fromPort?: number; toPort?: number }[]
        ).filter(
          ({ cidrIp, cidrIpv6, fromPort = 0, toPort = 65_535 }) =>
            /\/0$/.test(cidrIp ?? cidrIpv6 ?? "") && fromPort <= ADMIN_PORT && toPort >= ADMIN_PORT,
        );
        return open.map(
          ({ cidrIp, cidrIpv6 }) =>
            `${cidrIp ?? cidrIpv6} opens the admin port ${ADMIN_PORT} to the world: name the VPC's network or a bastion's`,
        );
      },
    });
  }
}
