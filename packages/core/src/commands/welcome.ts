/**
 * Welcome: what a client and the application are told when a session begins, after a command or by a URL.
 *
 * Leaves to `connect.ts` and `url-connect.ts` when that is, and how the client is told. Invariant: a session
 * that is welcomed may be pushed to from then on, and never before.
 */
import { type Announcement, type EncodableResults, sessionKey } from "@holdfast/protocol";
import type { Identity } from "../access/identity.js";
import type { Connection } from "../connection/connection.js";
import type { Context } from "../connection/context.js";
import type { Session } from "../connection/session.js";
import type { CoreOptions } from "../options.js";

type Result = EncodableResults["connect"];

/**
 * Opens the session for pushes, and what the client is told then: with a token, if it may come back as this
 * session.
 */
export function welcome(
  parts: Pick<Context, "clock" | "options" | "ticker">,
  connection: Connection,
  session: Session,
  resumed: boolean,
  mayComeBack = true,
): Result {
  const resumeToken = mayComeBack ? connection.newResumeToken() : undefined;
  session.begin(resumeToken, parts.ticker.tick);
  const { options, clock } = parts;
  const { user, expiresAt } = session.identity;
  const bare = { sid: connection.id, serverTime: clock.now(), ...announcement(options), resumed };
  // Each is a copy, and most clients have none but the last.
  const known =
    user === undefined && expiresAt === undefined ? bare : { ...bare, ...announced(session.identity) };
  return resumeToken === undefined ? known : { ...known, resumeToken };
}

/** What a client is told of itself. */
export function announced({ user, expiresAt }: Identity): Pick<Result, "user" | "expiresAt"> {
  return { ...(user !== undefined && { user }), ...(expiresAt !== undefined && { expiresAt }) };
}

/** A connection that ended while its channels were awaited has no beginning, and no end, for backends. */
export function tellConnect(
  { events }: Pick<Context, "events">,
  connection: Connection,
  session: Session,
  resumed: boolean,
  client: string | undefined,
): void {
  if (events === undefined || connection.session !== session) return;
  events.tell({ type: "connect", session: sessionKey(connection.id), user: session.user, client, resumed });
}

/** What every client of this worker is told. */
export function announcement(options: CoreOptions): Announcement {
  return {
    resumed: false,
    ping: options.pingIntervalMs,
    pongTimeout: options.pongTimeoutMs,
    limits: {
      maxPayload: options.maxPayload,
      maxChannels: options.maxChannels,
      commandRate: options.commandRate,
    },
  };
}
