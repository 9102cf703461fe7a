/**
 * Where a secret is: in Secrets Manager, or a SecureString parameter of SSM, which costs nothing.
 *
 * Invariant: a secret is read by the machine that needs it, with its own role; no template has its value.
 */
import * as ecs from "aws-cdk-lib/aws-ecs";
import type * as iam from "aws-cdk-lib/aws-iam";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import type * as ssm from "aws-cdk-lib/aws-ssm";

export type SecretSource = secretsmanager.ISecret | ssm.IParameter;

function isSecret(source: SecretSource): source is secretsmanager.ISecret {
  return "secretArn" in source;
}

/** A shell word that prints the secret. */
export function secretWord(source: SecretSource, region: string): string {
  return isSecret(source)
    ? `$(aws secretsmanager get-secret-value --region ${region} --secret-id '${source.secretArn}' --query SecretString --output text)`
    : `$(aws ssm get-parameter --region ${region} --name '${source.parameterName}' --with-decryption --query Parameter.Value --output text)`;
}

export function grantSecret(source: SecretSource, role: iam.IGrantable): void {
  source.grantRead(role);
}

/** For a container, which ECS gives the value. */
export function containerSecret(source: SecretSource): ecs.Secret {
  return isSecret(source) ? ecs.Secret.fromSecretsManager(source) : ecs.Secret.fromSsmParameter(source);
}
