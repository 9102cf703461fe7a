/**
 * Rules of cdk-nag that a construct of the kit does not follow, each with its reason.
 */
import { Validations } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

export function acknowledge(scope: IConstruct, id: string, reason: string): void {
  Validations.of(scope).acknowledge({ id, reason });
}
