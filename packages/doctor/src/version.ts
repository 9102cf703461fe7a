/**
 * Versions of programs, compared by major and minor number.
 */

/** Whether `version` is older than `least`. */
export function isBelow(version: string, least: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor = 0, leastMinor = 0] = least.split(".").map(Number);
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}
