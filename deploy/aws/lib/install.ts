/**
 * Shell lines that put the gateway and the agent into /opt/holdfast, pinned to one version, and the right to
 * read them where they are tarballs in a bucket.
 */
import { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as s3 from "aws-cdk-lib/aws-s3";
import type { Construct } from "constructs";
import { acknowledge } from "./nag.js";
import type { PackageProps } from "./props.js";

export function installLines({ version, tarballs }: PackageProps, fallback: string): string[] {
  const npm = "npm install --prefix /opt/holdfast --omit=dev --no-audit --no-fund";
  if (tarballs === undefined) {
    const exact = version ?? fallback;
    return [`${npm} --save-exact holdfast@${exact} @holdfast/aws@${exact}`];
  }
  return [
    `aws s3 cp --recursive --exclude '*' --include '*.tgz' s3://${tarballs.bucket.bucketName}/${folder(tarballs.prefix)} /opt/holdfast/packages/`,
    `${npm} /opt/holdfast/packages/*.tgz`,
  ];
}

/** Lets a role read the tarballs, and nothing else of their bucket. */
export function grantPackages({ tarballs }: PackageProps, role: iam.Role): void {
  if (tarballs === undefined) return;
  const { bucket } = tarballs;
  const within = `${folder(tarballs.prefix)}*`;
  role.addToPolicy(
    new iam.PolicyStatement({ actions: ["s3:GetObject"], resources: [bucket.arnForObjects(within)] }),
  );
  role.addToPolicy(
    new iam.PolicyStatement({
      actions: ["s3:ListBucket"],
      resources: [bucket.bucketArn],
      conditions: { StringLike: { "s3:prefix": within } },
    }),
  );
  bucket.encryptionKey?.grantDecrypt(role);
  const own = bucket.node.defaultChild as s3.CfnBucket | undefined;
  const arn =
    own === undefined
      ? `arn:<AWS::Partition>:s3:::${bucket.bucketName}`
      : `<${Stack.of(bucket).getLogicalId(own)}.Arn>`;
  acknowledge(
    role,
    `AwsSolutions-IAM5[Resource::${arn}/${within}]`,
    "The tarballs of one folder of a bucket, to be read",
  );
}

/** `s3://bucket/folder` as the props of a package. */
export function tarballsAt(scope: Construct, id: string, url: string): PackageProps {
  const [, bucket, prefix] = /^s3:\/\/([a-z\d][a-z\d.-]+[a-z\d])\/(.*[^/])\/?$/.exec(url) ?? [];
  if (bucket === undefined || prefix === undefined)
    throw new Error(`packages: s3://bucket/folder, not ${url}: upload the tarballs of \`npm pack\` there`);
  return { tarballs: { bucket: s3.Bucket.fromBucketName(scope, id, bucket), prefix } };
}

function folder(prefix: string): string {
  return `${prefix.replace(/\/+$/, "")}/`;
}
