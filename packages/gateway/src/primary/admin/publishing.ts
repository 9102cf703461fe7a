/**
 * The admin API's way to publish: to a channel, to many, to a user, to all connections.
 *
 * Invariant: JSON data is published as the text that it was sent as, never encoded anew; the body of a
 * request of `application/octet-stream` is published as bytes, and so is base64 that `bytes` marks.
 */
import {
  BROADCAST,
  type BrokerPublishOptions,
  BrokerUnavailable,
  backendKey,
  channelTopic,
  publishTraced,
  type Topic,
  userTopic,
} from "@holdfast/core";
import {
  type Data,
  elementTexts,
  errors,
  fromBase64,
  isTraceparent,
  memberText,
  type Position,
} from "@holdfast/protocol";
import { type AdminInstance, type Endpoint, endpoint, ok, orUnavailable, UNAVAILABLE } from "./endpoint.js";
import { channel, data, key, nothing, position, refusal, user } from "./fields.js";
import { described, either, flag, list, object, optional } from "./schema.js";
import { type AdminAnswer, adminError } from "./server.js";

const MAX_BATCH = 1000;
const TOO_BIG = Object.freeze({
  413: "The data is larger than one publication may be, or the body than a request.",
});

const TRACED = Object.freeze({
  traceparent:
    "W3C trace context, version 00: is told with the publication, and kept with it. One that is not valid is left out.",
});

const bytes = optional(
  described(flag(), "True: `data` is base64 (RFC 4648 §4, with padding), and bytes are published."),
);

/** Base64 is looked at before anything is published. */
const between = ({ data: said, bytes: marked }: Readonly<Record<string, unknown>>) =>
  marked !== true || (typeof said === "string" && fromBase64(said) !== undefined)
    ? undefined
    : (["data", "must be base64 with its padding, where `bytes` is true"] as const);

const publication = object({ channel, data, bytes, key: optional(key) }, { between });

export const PUBLISHING: readonly Endpoint[] = [
  endpoint({
    method: "POST",
    path: "/api/publish",
    audit: { of: "publication", shows: ["channel", "key"] },
    summary: "Publish to a channel",
    description: "200 means that the broker has it, not that a client received it.",
    body: publication,
    success: {
      status: 200,
      description: "It is published. The position where the channel keeps history.",
      schema: position,
    },
    headers: TRACED,
    refusals: { ...TOO_BIG, ...UNAVAILABLE },
    handle: (instance, { channel: name, key: once }, _, text, header) =>
      publish(instance, channelTopic(name), dataOf(text), header, {
        retention: instance.retention(name),
        key: once && backendKey(once),
      }),
    bytes: {
      query: object({ channel, key: optional(key) }),
      handle: (instance, { channel: name, key: once }, bytes) =>
        publish(instance, channelTopic(name), bytes, undefined, {
          retention: instance.retention(name),
          key: once && backendKey(once),
        }),
    },
  }),
  endpoint({
    method: "POST",
    path: "/api/batch",
    audit: { of: "publication", shows: ["publications"] },
    summary: "Publish to many channels",
    description: "In the order given. One that fails does not keep the others from being published.",
    body: object({ publications: list(publication, 1, MAX_BATCH) }),
    success: {
      status: 200,
      description: "What became of each, in the same order.",
      schema: object({ results: list(either(position, refusal), 1, MAX_BATCH) }),
    },
    headers: TRACED,
    refusals: TOO_BIG,
    handle: async (instance, { publications }, _, body, header) => {
      const texts = elementTexts(memberText(body, "publications") ?? "[]").map(dataOf);
      const long = texts.findIndex((text) => isTooBig(text, instance));
      if (long !== -1) return tooBig(instance, `\`publications[${long}].data\``);
      const traceparent = validTraceparent(instance, header);
      // All at once: the broker takes them in this order.
      const results = publications.map(({ channel: name, key: once }, index) =>
        send(instance, channelTopic(name), texts[index] ?? "", traceparent, {
          retention: instance.retention(name),
          key: once && backendKey(once),
        }).then(positionOf, refusalOf),
      );
      return ok({ results: await Promise.all(results) });
    },
  }),
  endpoint({
    method: "POST",
    path: "/api/message",
    audit: { of: "publication", shows: ["user"] },
    summary: "Send a message to a user",
    description: "To every session of the user, on all instances. It is not kept for who is away.",
    body: object({ user, data, bytes }, { between }),
    success: { status: 200, description: "The broker has it.", schema: nothing },
    headers: TRACED,
    refusals: { ...TOO_BIG, ...UNAVAILABLE },
    handle: (instance, { user: id }, _, text, header) =>
      publish(instance, userTopic(id), dataOf(text), header),
    bytes: {
      query: object({ user }),
      handle: (instance, { user: id }, bytes) => publish(instance, userTopic(id), bytes, undefined),
    },
  }),
  endpoint({
    method: "POST",
    path: "/api/broadcast",
    audit: { of: "publication", shows: [] },
    summary: "Publish to every connection",
    body: object(
      { data: described(data, "Any JSON value. Every client of the cluster gets it."), bytes },
      { between },
    ),
    success: { status: 200, description: "The broker has it.", schema: nothing },
    headers: TRACED,
    refusals: { ...TOO_BIG, ...UNAVAILABLE },
    handle: (instance, _body, _query, text, header) => publish(instance, BROADCAST, dataOf(text), header),
    bytes: {
      query: nothing,
      handle: (instance, _query, bytes) => publish(instance, BROADCAST, bytes, undefined),
    },
  }),
];

function publish(
  instance: AdminInstance,
  topic: Topic,
  published: Data,
  header: string | undefined,
  options: BrokerPublishOptions = {},
): AdminAnswer | Promise<AdminAnswer> {
  if (isTooBig(published, instance))
    return tooBig(instance, typeof published === "string" ? "`data`" : "The body");
  const traceparent = validTraceparent(instance, header);
  return orUnavailable(async () =>
    ok(positionOf(await send(instance, topic, published, traceparent, options))),
  );
}

function send(
  { broker, tracing }: AdminInstance,
  topic: Topic,
  published: Data,
  traceparent: string | undefined,
  options: BrokerPublishOptions,
): Promise<Position | undefined> {
  return publishTraced(tracing, traceparent, topic, published, (data) =>
    broker.publish(topic, data, options),
  );
}

/** The header; one that is not valid is left out and counted. */
function validTraceparent(instance: AdminInstance, header: string | undefined): string | undefined {
  if (header === undefined || isTraceparent(header)) return header;
  instance.traceContextDropped();
  return undefined;
}

/**
 * The data of an object that the schema has taken: bytes where it is marked so, otherwise the text that was
 * sent. Copied: what is cut out of a text keeps all of the text in memory, and the broker may keep it for
 * long.
 */
function dataOf(object: string): Data {
  const text = Buffer.from(memberText(object, "data") ?? "null").toString();
  const decoded = memberText(object, "bytes") === "true" ? fromBase64(JSON.parse(text)) : undefined;
  return decoded ?? text;
}

function isTooBig(published: Data, { maxPublicationBytes }: AdminInstance): boolean {
  return Buffer.byteLength(published) > maxPublicationBytes;
}

function tooBig({ maxPublicationBytes }: AdminInstance, where: string): AdminAnswer {
  return adminError(
    413,
    errors.tooBig.name,
    `${where} is larger than ${maxPublicationBytes} bytes, which a publication may have.`,
  );
}

function positionOf(given: Position | undefined): Partial<Position> {
  return given ?? {};
}

function refusalOf(error: unknown): object {
  if (!(error instanceof BrokerUnavailable)) throw error;
  const { name, message } = errors.unavailable;
  return { error: { name, message } };
}
