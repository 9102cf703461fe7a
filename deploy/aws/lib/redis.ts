/**
 * Redis for a cluster: nodes of ElastiCache for Valkey, one that is given, the serverless form, or none.
 *
 * Owns the parameter group, the auth token and the security group. Invariant: of our own nodes none
 * evicts, each reserves a quarter of its memory, and no connection is without TLS and a password.
 */
import { REDIS_PARAMETERS } from "@holdfast/platform";
import { Fn, RemovalPolicy, SecretValue } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as elasticache from "aws-cdk-lib/aws-elasticache";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { acknowledge } from "./nag.js";
import type { RedisProps } from "./props.js";
import type { SecretSource } from "./secret-source.js";

export interface HoldfastRedisProps {
  readonly vpc: ec2.IVpc;
  readonly redis: RedisProps;
  readonly nodeType: string;
}

const PORT = 6379;

export class HoldfastRedis extends Construct {
  /** URL in which `$redis` stands for the secret; undefined without Redis. */
  readonly url: string | undefined;
  readonly securityGroup: ec2.ISecurityGroup | undefined;
  /** Secrets that an instance reads for it. */
  readonly secrets: readonly SecretSource[];
  /** Nodes of our own, for alarms: their ids as CloudWatch has them. */
  readonly nodes: readonly string[];
  #ownToken: secretsmanager.Secret | undefined;

  constructor(scope: Construct, id: string, props: HoldfastRedisProps) {
    super(scope, id);
    const { redis } = props;
    switch (redis.kind) {
      case "none":
        [this.url, this.securityGroup, this.secrets, this.nodes] = [undefined, undefined, [], []];
        break;
      case "given":
        this.url = "$redis";
        [this.securityGroup, this.secrets, this.nodes] = [redis.securityGroup, [redis.url], []];
        break;
      case "serverless": {
        const group = this.#securityGroup(props.vpc);
        const cache = this.#serverless(props, group);
        this.url = `rediss://${cache.attrEndpointAddress}:${cache.attrEndpointPort}`;
        [this.securityGroup, this.secrets, this.nodes] = [group, [], []];
        break;
      }
      case "nodes": {
        const group = this.#securityGroup(props.vpc);
        const token = this.#token();
        this.#ownToken = token;
        const { replicas = 1 } = redis;
        const cache = this.#nodes(props, group, token, replicas);
        this.url = `rediss://:$redis@${cache.attrPrimaryEndPointAddress}:${PORT}`;
        [this.securityGroup, this.secrets] = [group, [token]];
        this.nodes = Array.from({ length: replicas + 1 }, (_, n) =>
          Fn.join("-", [cache.ref, String(n + 1).padStart(3, "0")]),
        );
      }
    }
  }

  /** The whole URL as a secret, for what can read a secret but not put one together: a container. */
  urlSecret(): secretsmanager.ISecret {
    if (this.url === undefined || this.#ownToken === undefined)
      throw new Error("there is no password of our own nodes");
    const made = new secretsmanager.Secret(this, "Url", {
      description: "URL of Redis with its password, read by Holdfast tasks",
      secretStringValue: SecretValue.unsafePlainText(
        this.url.replace("$redis", this.#ownToken.secretValue.unsafeUnwrap()),
      ),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    acknowledge(made, "AwsSolutions-SMG4", "It follows the password, which is changed by a deployment");
    return made;
  }

  #securityGroup(vpc: ec2.IVpc): ec2.SecurityGroup {
    return new ec2.SecurityGroup(this, "SecurityGroup", {
      vpc,
      description: "Redis of Holdfast: instances of the cluster only",
      allowAllOutbound: false,
    });
  }

  #token(): secretsmanager.Secret {
    const token = new secretsmanager.Secret(this, "Token", {
      description: "Password of Redis, read by Holdfast instances",
      generateSecretString: { passwordLength: 48, excludePunctuation: true },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    acknowledge(
      token,
      "AwsSolutions-SMG4",
      "Redis and the instances must change it together: a rotation is a deployment",
    );
    return token;
  }

  #nodes(
    { vpc, redis, nodeType }: HoldfastRedisProps,
    group: ec2.SecurityGroup,
    token: secretsmanager.Secret,
    replicas: number,
  ): elasticache.CfnReplicationGroup {
    const parameters = new elasticache.CfnParameterGroup(this, "Parameters", {
      cacheParameterGroupFamily: "valkey8",
      description: "Holdfast: nothing is evicted, a quarter is reserved, room for subscribers",
      properties: { ...REDIS_PARAMETERS },
    });
    const subnets = new elasticache.CfnSubnetGroup(this, "Subnets", {
      description: "Redis of Holdfast",
      subnetIds: vpc.selectSubnets({ subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS }).subnetIds,
    });
    return new elasticache.CfnReplicationGroup(this, "Nodes", {
      replicationGroupDescription: "Redis of Holdfast",
      engine: "valkey",
      engineVersion: "8.0",
      cacheNodeType: (redis.kind === "nodes" ? redis.nodeType : undefined) ?? nodeType,
      numCacheClusters: replicas + 1,
      automaticFailoverEnabled: replicas > 0,
      multiAzEnabled: replicas > 0,
      cacheParameterGroupName: parameters.ref,
      cacheSubnetGroupName: subnets.ref,
      securityGroupIds: [group.securityGroupId],
      port: PORT,
      transitEncryptionEnabled: true,
      transitEncryptionMode: "required",
      atRestEncryptionEnabled: true,
      authToken: token.secretValue.unsafeUnwrap(),
      autoMinorVersionUpgrade: true,
      snapshotRetentionLimit: 1,
    });
  }

  #serverless({ vpc }: HoldfastRedisProps, group: ec2.SecurityGroup): elasticache.CfnServerlessCache {
    return new elasticache.CfnServerlessCache(this, "Serverless", {
      engine: "valkey",
      majorEngineVersion: "8",
      serverlessCacheName: `holdfast-${this.node.addr.slice(-10)}`,
      securityGroupIds: [group.securityGroupId],
      subnetIds: vpc.selectSubnets({ subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS }).subnetIds,
    });
  }
}
