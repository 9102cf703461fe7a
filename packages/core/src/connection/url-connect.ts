/**
 * What a URL asks for that connects without a command: the channels, and the session to go on with.
 */
import type { Position, Resume } from "@holdfast/protocol";

/** What a URL asks for, or what stands for a URL. */
export interface UrlConnect {
  /** All different. */
  readonly channels: readonly string[];
  /** Of a client that comes back: up to where it was given which channel. */
  readonly since?: ReadonlyMap<string, Position | undefined> | undefined;
  /** The session that it was. */
  readonly resume?: Resume | undefined;
  /** Whether it gets a token, with which it may send commands and come back as this session. */
  readonly mayComeBack?: boolean | undefined;
  /**
   * Whether a channel that cannot be had is told as such, as after a command; otherwise it ends the
   * connection.
   */
  readonly partial?: boolean | undefined;
}
