/**
 * The CDK app: `npx cdk synth`, `npx cdk deploy Holdfast -c connections=200000`.
 *
 * Context: `connections`, `instanceType`, `anonymous=true` for the stack Holdfast; `packages`, a folder of
 * tarballs in a bucket in place of the npm registry; `image` makes the stack HoldfastFargate, `swarm=true`
 * the stack HoldfastSwarm. Write a stack of your own for anything else.
 */
import { App, Stack, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { HoldfastCluster, HoldfastService, HoldfastSwarm, tarballsAt } from "../lib/index.js";

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
const context = (name: string): string | undefined => app.node.tryGetContext(name) as string | undefined;
const connections = Number(context("connections") ?? 200_000);
const type = context("instanceType");
const image = context("image");
const packages = context("packages");
const packagesOf = (stack: Stack) =>
  packages === undefined ? {} : { package: tarballsAt(stack, "Packages", packages) };

const stack = new Stack(app, "Holdfast");
const { jwtSecret } = new HoldfastCluster(stack, "Gateway", {
  connections,
  ...(type === undefined ? {} : { instanceTypes: [type] }),
  ...(context("anonymous") === "true" ? { auth: { anonymous: true } } : {}),
  ...packagesOf(stack),
});
if (image !== undefined)
  new HoldfastService(new Stack(app, "HoldfastFargate"), "Gateway", { connections, image });
if (context("swarm") === "true") {
  const swarm = new Stack(app, "HoldfastSwarm");
  new HoldfastSwarm(swarm, "Swarm", {
    ...packagesOf(swarm),
    ...(jwtSecret === undefined ? {} : { jwtSecret }),
  });
}
