/**
 * The authorizer seam: the application is asked where tokens and namespaces do not say enough.
 *
 * An implementer owes an answer to every question within a time that it bounds itself, and never throws or
 * rejects: an application that cannot be asked is the verdict "unanswered", and core fails closed. It leaves
 * out the questions that it does not answer, so that a client that needs none costs nothing.
 */
import type { Data } from "@holdfast/protocol";
import type { Identity } from "./identity.js";

/** The client that wants to connect. */
export interface ConnectQuestion {
  /** The session's key; undefined where the URL connects, which has none yet. */
  readonly session: string | undefined;
  /** What the client calls its token, unchecked. */
  readonly token: string | undefined;
  readonly client: string | undefined;
  /** Those of the request's headers that the application wants to see. */
  readonly headers: ForwardedHeaders;
}

export type ForwardedHeaders = Readonly<Record<string, string>>;

/** The client that wants a channel. */
export interface ChannelQuestion {
  readonly session: string;
  readonly user: string | undefined;
  readonly channel: string;
}

/** What a client wants to publish: JSON text or bytes. */
export interface PublishQuestion extends ChannelQuestion {
  readonly data: Data;
  /** The publication's trace context, valid; undefined where it has none. */
  readonly traceparent?: string | undefined;
}

/** A no may have a reason, for the client's developer. */
export type Refusal =
  | { readonly kind: "no"; readonly reason: string | undefined }
  | { readonly kind: "unanswered" };

export type Consent = { readonly kind: "yes" } | Refusal;

export type ConnectConsent = { readonly kind: "yes"; readonly identity: Identity } | Refusal;

export interface Authorizer {
  readonly connect?: ((question: ConnectQuestion) => Promise<ConnectConsent>) | undefined;
  readonly subscribe?: ((question: ChannelQuestion) => Promise<Consent>) | undefined;
  readonly publish?: ((question: PublishQuestion) => Promise<Consent>) | undefined;
  /** What is pending is unanswered. Idempotent. */
  close(): void;
}
