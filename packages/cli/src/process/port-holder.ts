/**
 * What has a port that cannot be listened on, where nothing listens there: the local port of an outgoing
 * connection.
 *
 * Read of Linux' /proc/net/tcp, once and after a failure. Invariant: at most `MAX_BYTES` are read of each
 * table, so that a machine with a million connections says less rather than be slow.
 */
import { closeSync, openSync, readSync } from "node:fs";

const TABLES = ["/proc/net/tcp", "/proc/net/tcp6"];
const MAX_BYTES = 8 * 1024 * 1024;

const LISTEN = "0A";

export interface OutgoingConnection {
  /** Its other side, where that is IPv4. */
  readonly to: string | undefined;
}

/** Undefined where something listens on the port, nothing has it, or nothing can be known. */
export function outgoingConnectionOn(
  port: number,
  readTable: (path: string) => string = readStart,
): OutgoingConnection | undefined {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const found: OutgoingConnection[] = [];
  for (const path of TABLES) {
    for (const line of readTable(path).split("\n")) {
      const [, local = "", remote = "", state] = line.trim().split(/ +/);
      if (!local.endsWith(end)) continue;
      if (state === LISTEN) return undefined;
      found.push({ to: readable(remote) });
    }
  }
  return found.find(({ to }) => to !== undefined) ?? found[0];
}

/** `0100007F:1F90` is 127.0.0.1:8080: the address as the machine's own bytes, least first. */
function readable(remote: string): string | undefined {
  const match = /^([0-9A-F]{8}):([0-9A-F]{4})$/.exec(remote);
  if (match === null) return undefined;
  const bytes = Buffer.from(match[1] ?? "", "hex");
  return `${[...bytes.reverse()].join(".")}:${Number.parseInt(match[2] ?? "", 16)}`;
}

/** The beginning of a file; empty where there is none. */
function readStart(path: string): string {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const parts: Buffer[] = [];
    for (let total = 0; total < MAX_BYTES; ) {
      const part = Buffer.alloc(64 * 1024);
      const length = readSync(file, part);
      if (length === 0) break;
      parts.push(part.subarray(0, length));
      total += length;
    }
    return Buffer.concat(parts).toString("latin1");
  } catch {
    return "";
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
