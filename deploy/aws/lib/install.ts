/**
 * Shell lines that put the gateway and the agent into /opt/holdfast, pinned to one version.
 */
import type { PackageProps } from "./props.js";

export function installLines({ version, tarballs }: PackageProps, fallback: string): string[] {
  const npm = "npm install --prefix /opt/holdfast --omit=dev --no-audit --no-fund";
  if (tarballs === undefined) {
    const exact = version ?? fallback;
    return [`${npm} --save-exact holdfast@${exact} @holdfast/aws@${exact}`];
  }
  return [
    `aws s3 cp --recursive --exclude '*' --include '*.tgz' s3://${tarballs.bucket.bucketName}/${tarballs.prefix} /opt/holdfast/packages/`,
    `${npm} /opt/holdfast/packages/*.tgz`,
  ];
}
