/**
 * Both engines, made alike, for tests that ask the same of each.
 */
import type { Clock, Metrics } from "@holdfast/core";
import type { EngineName } from "../../../runtime/engine-choice.js";
import type { BrakeOf } from "../../http/refusal-brake.js";
import type { WebSocketEngine } from "../../http/websocket-engine.js";
import type { UnfinishedMessages } from "../../sockets/unfinished-messages.js";
import { type WebSocketOpener, WebSocketTransports } from "../../websocket/transports.js";
import { LibraryEngine } from "../library-engine.js";

export const ENGINES: readonly EngineName[] = ["lean", "ws"];

export interface EngineParts {
  readonly opener: WebSocketOpener;
  readonly maxPayload: number;
  readonly unfinished: UnfinishedMessages;
  readonly clock: Clock;
  /** Without one, refusals are said at once. */
  readonly brake?: BrakeOf<object> | undefined;
  readonly metrics?: Pick<Metrics, "add"> | undefined;
}

export function makeEngine(
  name: EngineName,
  { opener, maxPayload, unfinished, clock, brake, metrics }: EngineParts,
): WebSocketEngine {
  return name === "ws"
    ? new LibraryEngine({ opener, maxPayload, unfinished, clock, brake, metrics })
    : new WebSocketTransports(opener, maxPayload, unfinished, clock, brake, undefined, metrics);
}
