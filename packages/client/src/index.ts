/**
 * The SDK of Holdfast for browsers and Node.js: `new Client(url)`, `subscribe`, `publish`.
 */

// For applications.
export type { Position } from "@holdfast/protocol";
export {
  Client,
  type ClientEvents,
  type HistoryOptions,
  type PresencePage,
  type PresencePageOptions,
  type PublishOptions,
} from "./client.js";
export type { Gap } from "./cursor.js";
export { clientErrors, HoldfastError } from "./errors.js";
export type { History, Publication } from "./inbound.js";
export type { TransportStorage } from "./ladder.js";
export type { ClientOptions } from "./options.js";
export type { Member, Presence, PresentUser } from "./presence.js";
export type { ClientState } from "./state.js";
export type {
  SubscribeOptions,
  Subscription,
  SubscriptionEvents,
  SubscriptionState,
} from "./subscription.js";
export type { GetToken } from "./token-source.js";
export type { TransportName } from "./transport.js";
// For tests of applications, and other platforms.
export { type Clock, systemClock, type Timer } from "./clock.js";
export type { Network } from "./network.js";
export type { WebSocketClass, WebSocketLike } from "./web-socket.js";
