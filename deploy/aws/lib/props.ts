/**
 * What a cluster is asked for. Everything but `connections` has a default.
 *
 * Owns the shape; checks.ts owns what may not be said together.
 */
import type * as acm from "aws-cdk-lib/aws-certificatemanager";
import type * as ec2 from "aws-cdk-lib/aws-ec2";
import type * as s3 from "aws-cdk-lib/aws-s3";
import type * as sns from "aws-cdk-lib/aws-sns";
import type { SecretSource } from "./secret-source.js";

export type ListenerKind = "tcp" | "tls" | "http" | "https" | "udp" | "tcp_udp" | "quic" | "tcp_quic";

export interface ListenerProps {
  /** NLB: `tcp` (default) or `tls`. ALB: `http` or `https`. QUIC and UDP are refused. */
  readonly protocol?: ListenerKind;
  /** First port of the load balancer: 443 with a certificate, otherwise 80. */
  readonly port?: number;
  readonly certificates?: readonly acm.ICertificate[];
  /** Idle timeout, seconds. A TLS listener of an NLB has none of its own. */
  readonly idleTimeoutSeconds?: number;
  /** `preserved` (default) or `proxy-protocol`: how an NLB tells the gateway who connects. */
  readonly clientAddress?: "preserved" | "proxy-protocol";
  /** Networks that may connect; 0.0.0.0/0 and ::/0 where nothing is said. */
  readonly from?: readonly string[];
}

export type RedisProps =
  | {
      /** Nodes of ElastiCache for Valkey (default). */
      readonly kind: "nodes";
      /** Derived from the traffic where nothing is said. */
      readonly nodeType?: string;
      /** Beside the primary, in other zones: 1. */
      readonly replicas?: number;
    }
  | { readonly kind: "given"; readonly url: SecretSource; readonly securityGroup?: ec2.ISecurityGroup }
  | {
      readonly kind: "serverless";
      /** `true`: history may be evicted early and nothing can be tuned. */
      readonly acceptLimits?: boolean;
    }
  | { readonly kind: "none" };

export interface ScalingProps {
  /** Share of an instance's connections at which one is added, percent: 70. */
  readonly targetPercent?: number;
  /** Event-loop delay at which one is added, ms: 100. */
  readonly loopDelayMs?: number;
  /** What the group scales on: connections and loop delay. CPU alone is refused. */
  readonly on?: readonly ("connections" | "loop-delay" | "cpu" | "requests")[];
}

export interface DrainProps {
  readonly delaySeconds?: number;
  readonly windowSeconds?: number;
  readonly deregistrationSeconds?: number;
  /** Heartbeat timeout of the terminating lifecycle hook. */
  readonly hookSeconds?: number;
  readonly stopSeconds?: number;
  readonly scaleInSeconds?: number;
}

export interface AdminProps {
  /** Networks that reach the admin port, such as the VPC's or a bastion's. Nothing: loopback only. */
  readonly from?: readonly string[];
}

export type AuthProps =
  /** Shared secret of tokens; one is made where nothing is said. */
  { readonly jwtSecret?: SecretSource } | { readonly jwksUrl: string } | { readonly anonymous: true };

export interface PackageProps {
  /** Exact version of the npm package, never a range or a tag. */
  readonly version?: string;
  /** Tarballs of `npm pack` instead of the registry. */
  readonly tarballs?: { readonly bucket: s3.IBucket; readonly prefix: string };
}

export interface TrafficProps {
  readonly publicationsPerSecond?: number;
  readonly publicationBytes?: number;
  readonly subscribersPerPublication?: number;
  readonly historyChannels?: number;
  readonly historySize?: number;
  readonly members?: number;
}

export interface HoldfastClusterProps {
  /** Connections of the whole cluster, which it still holds while one instance is gone. */
  readonly connections: number;
  readonly vpc?: ec2.IVpc;
  readonly loadBalancer?: "nlb" | "alb";
  readonly crossZone?: boolean;
  readonly listener?: ListenerProps;
  /** Ports of each instance; derived from the connections where nothing is said. */
  readonly ports?: number;
  /** arm64 and x86_64, also together; the first one sizes the fleet. Default: m8g.xlarge. */
  readonly instanceTypes?: readonly string[];
  /** Derived where nothing is said. */
  readonly minInstances?: number;
  readonly maxInstances?: number;
  /** Pay less, and lose an instance two minutes after a notice. */
  readonly spot?: boolean;
  readonly pingIntervalSeconds?: number;
  readonly redis?: RedisProps;
  readonly drain?: DrainProps;
  readonly scaling?: ScalingProps;
  readonly admin?: AdminProps;
  readonly auth?: AuthProps;
  readonly package?: PackageProps;
  readonly traffic?: TrafficProps;
  /** Where alarms go. */
  readonly alarmTopic?: sns.ITopic;
  /** Further settings of the gateway, by their names in the environment. */
  readonly settings?: Readonly<Record<string, string>>;
}
