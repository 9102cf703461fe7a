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
export type { Gap } from "./subscriptions/position.js";
export { clientErrors, HoldfastError } from "./wire/errors.js";
export type { History, Publication } from "./wire/inbound.js";
export type { TransportStorage } from "./options.js";
export type { ClientOptions } from "./options.js";
export type { Presence, PresentUser } from "./subscriptions/presence.js";
export type { Member } from "./wire/inbound.js";
export type { ClientState } from "./state.js";
export type {
  SubscribeOptions,
  Subscription,
  SubscriptionEvents,
  SubscriptionState,
} from "./subscriptions/subscription.js";
export type { GetToken } from "./token-source.js";
export type { TransportName } from "./transports/transport.js";
// For tests of applications, and other platforms.
export { type Clock, systemClock, type Timer } from "./clock.js";
export type { Network } from "./network.js";
export type { ClientEncoding } from "./transports/transports.js";
export type { WebSocketClass, WebSocketLike } from "./transports/web-socket.js";
