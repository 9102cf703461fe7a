/**
 * What has to be true at the end of a simulation, and of a worker when it dies.
 *
 * Leaves to follower.ts and attendance.ts what one subscription has seen. Invariant: at the end the members
 * of a channel are exactly the connected sessions that are subscribed to it.
 */
import type { SimClient } from "./sim-client.js";
import type { SimLog } from "./sim-log.js";
import type { SimPublisher } from "./sim-publisher.js";
import type { SimServer } from "./sim-server.js";
import type { SimWorker } from "./sim-worker.js";

/** What takes part in the end. */
export interface SettledParts {
  readonly log: SimLog;
  readonly server: SimServer;
  readonly channels: readonly string[];
  readonly clients: readonly SimClient[];
  readonly publisher: SimPublisher;
  readonly workers: readonly SimWorker[];
}

/** Tells the log each promise that is broken after a time without faults. */
export async function checkSettled(parts: SettledParts): Promise<void> {
  const { log, channels, clients, publisher, workers } = parts;
  for (const { name, content } of clients)
    if (!content) log.violation(`${name} could not come back though nothing was wrong`);
  if (!publisher.content) log.violation("publications were never confirmed though nothing was wrong");
  for (const { wants } of clients) for (const { follower } of wants) follower.settled();
  for (const channel of channels) await checkPresence(channel, parts);
  for (const worker of workers) checkLogger(worker, log);
}

/** Core says itself when something went wrong that it did not expect. */
export function checkLogger({ name, logger }: SimWorker, log: SimLog): void {
  for (const { level, fields, message } of logger.lines)
    if (level === "error")
      log.violation(`${name} logged: ${message} ${String((fields as { err?: Error }).err?.stack)}`);
}

/** No ghosts, and no session is missing: in the store, and in the lists of the clients that follow. */
async function checkPresence(channel: string, { log, server, clients }: SettledParts): Promise<void> {
  const truth = clients.flatMap((client) => client.memberOf(channel) ?? []).sort();
  const { members } = await server.presence.read(channel, 1000);
  const found = members.map((text) => (JSON.parse(text) as { session: string }).session).sort();
  if (found.join() !== truth.join())
    log.violation(`members of ${channel} are [${found.join(" ")}], connected are [${truth.join(" ")}]`);
  for (const { name, wants } of clients) {
    for (const { follower, attendance, state } of wants) {
      if (follower.channel !== channel || state !== "on") continue;
      const wrong = attendance?.wrong(truth);
      if (wrong !== undefined) log.violation(`${name} in ${channel} ${wrong}`);
    }
  }
}
