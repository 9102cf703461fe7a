/**
 * The raw dialect: the data of publications alone, without an envelope, for clients that named their channels
 * in the URL. It has no word for anything else, and what its clients say is not read.
 */
import type { FrameValue, SentPush } from "@holdfast/protocol";
import type { Dialect } from "./codec.js";

export const rawDialect: Dialect = Object.freeze({
  name: "raw",
  isDataOnly: true,
  ping: undefined,
  push: ({ body }: SentPush): FrameValue | undefined => ("data" in body ? body.data : undefined),
  reply: () => undefined,
  error: () => undefined,
  read: () => ({ kind: "malformed", problem: "not read: this connection receives data alone" }) as const,
});
