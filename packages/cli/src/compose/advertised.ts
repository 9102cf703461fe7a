/**
 * The address by which other instances reach this one's public port.
 *
 * Pure: the machine's network interfaces are a parameter.
 */
import type { networkInterfaces } from "node:os";
import { backendTraits } from "../config/backend-choice.js";
import type { Settings } from "../config/schema.js";

/** `host:port`; undefined where no other instance could, or shall, reach it. */
export function advertised(
  settings: Pick<Settings, "advertise" | "host" | "redis">,
  port: number,
  interfaces: ReturnType<typeof networkInterfaces>,
): string | undefined {
  const { advertise, host } = settings;
  if (!backendTraits(settings).joinsInstances || advertise === "off") return undefined;
  if (advertise !== "auto") return advertise;
  // A loopback address is of use to other instances of this machine; one elsewhere takes it for its own and
  // stays away.
  if (host !== "0.0.0.0" && host !== "::") return joined(host, port);
  const outward = Object.values(interfaces)
    .flatMap((each) => each ?? [])
    .find(({ family, internal, address }) => family === "IPv4" && !internal && !isLinkLocal(address));
  return outward && joined(outward.address, port);
}

/**
 * Reached by no other machine. A task of Fargate has such an interface first, for its metadata; the next one
 * has the address that the task's metadata name.
 */
function isLinkLocal(address: string): boolean {
  return address.startsWith("169.254.");
}

function joined(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
