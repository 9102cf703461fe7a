/**
 * What a path was probably meant for, where nothing is served: another product's address, or the admin
 * port's.
 *
 * Pure. Invariant: what is said of the admin port is in the docs and the same for all; nothing says where it
 * is.
 */

const SDK = "use the SDK, or a plain WebSocket at `/ws?channels=<name>`";

const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /^\/socket\.io(\/|$)/,
    `This is no Socket.IO server, whose clients speak a protocol of their own; ${SDK}.`,
  ],
  [/^\/app\/[^/]+\/?$/, `This is no Pusher server, whose clients speak a protocol of their own; ${SDK}.`],
  [/^\/connection\//, `This is no Centrifugo server, whose clients speak a protocol of their own; ${SDK}.`],
  [/^\/(sockjs|signalr|cable|faye|mqtt)(\/|$)/, `Only Holdfast's own protocol is spoken here; ${SDK}.`],
  [
    /^\/(\.well-known\/)?mercure(\/|$)/,
    "This is no Mercure hub; event streams are at `/sse?channels=<name>`.",
  ],
  [/^\/(ws|sse|poll|send|ticket|healthz)\/+$/i, "No address here ends in a slash: leave that out."],
  [/^\/(websocket|socket|wss|stream|realtime)$/i, "WebSockets are served at `/ws`, event streams at `/sse`."],
  [
    /^\/(events?|eventsource|subscribe)$/i,
    "Event streams are served at `/sse?channels=<name>`, WebSockets at `/ws`.",
  ],
  [
    /^\/(api(\/|$)|metrics$|livez$|readyz$|publish$|broadcast$)/,
    "That belongs to the admin port: ask port 9080, or the one that the setting `adminPort` names.",
  ],
];

/** A sentence; undefined where nothing can be guessed. */
export function pathHint(path: string): string | undefined {
  return HINTS.find(([pattern]) => pattern.test(path))?.[1];
}
