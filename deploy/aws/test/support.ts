/**
 * What the tests share: a cluster in a stack of its own, its template, resources of a type.
 */
import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { HoldfastCluster, type HoldfastClusterProps, InvalidProps } from "../lib/index.js";

export type Resource = { readonly Properties: Record<string, any>; readonly [key: string]: any };

export interface Made {
  readonly app: App;
  readonly stack: Stack;
  readonly cluster: HoldfastCluster;
  readonly template: Template;
  of(type: string): Resource[];
}

export function stackOf(): { app: App; stack: Stack } {
  // Zones are known without a look-up, as in a deployment with a cached context.
  const zones = "availability-zones:account=111111111111:region=eu-north-1";
  const app = new App({ context: { [zones]: ["eu-north-1a", "eu-north-1b", "eu-north-1c"] } });
  const stack = new Stack(app, "Test", { env: { account: "111111111111", region: "eu-north-1" } });
  return { app, stack };
}

export function make(props: (stack: Stack) => HoldfastClusterProps): Made {
  const { app, stack } = stackOf();
  const cluster = new HoldfastCluster(stack, "Gateway", props(stack));
  const template = Template.fromStack(stack);
  const of = (type: string): Resource[] => Object.values(template.findResources(type)) as Resource[];
  return { app, stack, cluster, template, of };
}

/** The sentences of a synth that must fail. */
export function problemsOf(props: (stack: Stack) => HoldfastClusterProps): string[] {
  const { stack } = stackOf();
  try {
    new HoldfastCluster(stack, "Gateway", props(stack));
  } catch (error) {
    if (error instanceof InvalidProps)
      return error.problems.map(({ path, problem }) => `${path}: ${problem}`);
    throw error;
  }
  return [];
}

export function attributes({ Properties }: Resource, key = "TargetGroupAttributes"): Record<string, string> {
  const list = (Properties[key] ?? []) as { Key: string; Value: string }[];
  return Object.fromEntries(list.map(({ Key, Value }) => [Key, Value]));
}

/** User data as one text; references stand as `{…}`. */
export function userData(made: Made): string {
  const [template] = made.of("AWS::EC2::LaunchTemplate");
  const { UserData } = (template?.Properties.LaunchTemplateData ?? {}) as { UserData?: any };
  const joined = UserData["Fn::Base64"];
  if (typeof joined === "string") return joined;
  return (joined["Fn::Join"][1] as unknown[])
    .map((part) => (typeof part === "string" ? part : JSON.stringify(part)))
    .join("");
}
