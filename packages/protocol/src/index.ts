/**
 * The wire protocol of Holdfast, for both sides: frames, codec, codes, positions, limits.
 *
 * Browser-safe and free of dependencies. docs/protocol.md says in words what this package says in types.
 */

// For applications and client libraries.
export { type DisconnectCode, disconnects, type ErrorCode, errors, mayReconnect } from "./codes.js";
export type {
  AnnouncedLimits,
  ChannelWish,
  Command,
  CommandName,
  ConnectRequest,
  ConnectResult,
  DisconnectNotice,
  DrainNotice,
  GapNotice,
  HistoryRequest,
  HistoryResult,
  JoinLeaveMode,
  JoinLeavePush,
  Json,
  MessagePush,
  PresenceCounts,
  PresenceList,
  PresenceMember,
  PresenceRequest,
  PresenceResult,
  PublicationPush,
  PublishRequest,
  ReceivedCommand,
  Push,
  RefreshNotice,
  RefreshRequest,
  RefreshResult,
  Reply,
  Results,
  Resume,
  StoredPublication,
  SubscribedNotice,
  SubscribeOutcome,
  SubscribeRequest,
  SubscribeResult,
  UnsubscribeRequest,
} from "./frame.js";
export { SUBPROTOCOL, SUBPROTOCOL_MSGPACK } from "./frame.js";
export type { Position, UnrecoveredReason } from "./position.js";

// For other packages of Holdfast.
export { BACKOFF_DEFAULTS, type BackoffOptions, backoffDelay } from "./backoff.js";
export { channelProblem, isChannelName, namespaceOf, userOf } from "./channel.js";
export { type DecodedCommand, decodeCommands, readCommand } from "./decode-command.js";
export {
  type DecodedPart,
  type FrameEncoding,
  type FrameValue,
  JsonText,
  type ReceivedFrame,
  type WireMessage,
} from "./frame-encoding.js";
export { frameText, JsonFrame, jsonEncoding } from "./json-encoding.js";
export {
  errorFrame,
  PING_FRAME,
  pushFrame,
  replyFrame,
  type SentPush,
} from "./server-frames.js";
export { fromBase64, toBase64 } from "./base64.js";
export { type DataLeaf, leafOf, type Data } from "./data.js";
export { elementTexts, memberText } from "./json-text.js";
export { type DecodedFrame, decodeFrames } from "./decode-push.js";
export {
  type Announcement,
  closeReason,
  disconnectNotice,
  encodeBroadcast,
  encodeConnectPush,
  encodeCommand,
  encodeDisconnect,
  encodeDrain,
  encodeError,
  encodeJoin,
  encodeLeave,
  encodeMessage,
  encodePresence,
  encodePublication,
  encodeRefresh,
  encodeReply,
  encodeSubscribed,
  encodeUnsubscribed,
  encodeGap,
  type EncodableResults,
  type PublicationData,
  /** @deprecated Use `PublicationData`. */
  type PublicationData as PublicationText,
  jsonText,
  historyText,
  normalizeData,
  oneLine,
  PING,
  type WelcomeEncoder,
  welcomeEncoder,
} from "./encode.js";
export {
  dataOfTraced,
  isMarked,
  isSampled,
  isTraceparent,
  TRACE_CONTEXT_LENGTH,
  traceparentOf,
  withTraceparent,
} from "./trace-context.js";
export { exceedsDepth } from "./json-depth.js";
export * from "./limits.js";
export { isPosition } from "./position.js";
export {
  MAX_GENERATIONS,
  MAX_SLOTS,
  type Owner,
  ownerOf,
  ownerPrefix,
  SESSION_ID,
  SESSION_ID_LENGTH,
  sessionKey,
  withSessionKey,
} from "./session-id.js";
