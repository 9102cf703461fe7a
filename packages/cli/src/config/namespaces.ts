/**
 * Options per namespace of channels: `{"room": {"clientPublish": true}}`.
 *
 * Invariant: every key of a namespace is known here; a misspelt permission must not pass for a default.
 */
import { JOIN_LEAVE_MODES, SLOW_CONSUMER_POLICIES } from "@holdfast/core";
import { z } from "zod";
import { duration } from "./values/duration.js";
import { integer, mustBe, type Shape } from "./values/shape.js";
import { size } from "./values/size.js";

/** Bounds of what a channel's history may keep; also those of the settings for all namespaces. */
export const historySize = integer(0, 100_000);
export const historyTtl = duration(1000, 7 * 24 * 60 * 60 * 1000);

/** Bytes from which messages are compressed. */
export const compressMin = size(1, 16 * 1024 * 1024);

const FORM = 'a JSON object such as {"room":{"clientPublish":true}}';

const namespaceSchema = z.strictObject(
  {
    /** Whether every client may have its channels, where there are keys for tokens. Default: false. */
    public: z.boolean(mustBe("true or false")).optional(),
    /** Whether clients may publish to its channels, where they are open. */
    clientPublish: z.boolean(mustBe("true or false")).default(false),
    /** Whether it is kept who is in its channels. */
    presence: z.boolean(mustBe("true or false")).optional(),
    /** Which joins and leaves subscribers that ask are told. Default: user. */
    joinLeave: z.enum(JOIN_LEAVE_MODES, mustBe("off, user or session")).optional(),
    /** Commands a second on its channels that one connection may send. Default: the setting `commandRate`. */
    commandRate: integer(1, 100_000).schema.optional(),
    /**
     * Bytes a second that a worker's clients may publish to it. Default: the setting
     * `namespacePublishBytesPerSecond`.
     */
    publishBytesPerSecond: size(1024, 1024 * 1024 * 1024).schema.optional(),
    /** Publications that each channel's history keeps. Default: the setting `historySize`. */
    historySize: historySize.schema.optional(),
    /** For how long it keeps them. Default: the setting `historyTtl`. */
    historyTtl: historyTtl.schema.optional(),
    /** What becomes of publications for a client that reads too slowly. Default: disconnect. */
    slowConsumer: z.enum(SLOW_CONSUMER_POLICIES, mustBe("disconnect, drop or latest")).optional(),
    /**
     * The field of the data by which `latest` tells publications apart. Default: the channel has one newest.
     */
    conflateKey: z.string(mustBe("the name of a field")).min(1, mustBe("the name of a field")).optional(),
    /** Bytes from which its messages are compressed. Default: the setting `compressMin`. */
    compressMin: compressMin.schema.optional(),
  },
  mustBe('an object such as {"clientPublish":true}'),
);

/** What a namespace may say. */
export const namespaceKeys: readonly string[] = Object.freeze(Object.keys(namespaceSchema.shape));

export type NamespaceSettings = Readonly<Record<string, z.output<typeof namespaceSchema>>>;

export function namespaces(): Shape<NamespaceSettings> {
  const name = z.string().regex(/^[A-Za-z0-9_-]*$/);
  return {
    schema: z.record(name, namespaceSchema, {
      error: ({ code, input }) =>
        code === "invalid_key"
          ? "is not a namespace: letters, digits, _ and -, or empty for channels without a colon"
          : mustBe(FORM).error({ input }),
    }),
    placeholder: "json",
    form: FORM,
    readText: (text) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        return text;
      }
    },
    toText: (written) => JSON.stringify(written),
  };
}
