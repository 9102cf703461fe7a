/**
 * The admin API's way to publish: to a channel, to many, to a user, to all connections.
 *
 * Invariant: data is published as the text that it was sent as, never encoded anew.
 */
import {
  BROADCAST,
  type BrokerPublishOptions,
  BrokerUnavailable,
  backendKey,
  channelTopic,
  type Topic,
  userTopic,
} from "@holdfast/core";
import { elementTexts, errors, memberText, type Position } from "@holdfast/protocol";
import { type AdminInstance, type Endpoint, endpoint, ok, orUnavailable, UNAVAILABLE } from "./endpoint.js";
import { channel, data, key, nothing, position, refusal, user } from "./fields.js";
import { described, either, list, object, optional } from "./schema.js";
import { type AdminAnswer, adminError } from "./server.js";

const MAX_BATCH = 1000;
const TOO_BIG = Object.freeze({
  413: "The data is larger than one publication may be, or the body than a request.",
});

const publication = object({ channel, data, key: optional(key) });

export const PUBLISHING: readonly Endpoint[] = [
  endpoint({
    method: "POST",
    path: "/api/publish",
    summary: "Publish to a channel",
    description: "200 means that the broker has it, not that a client received it.",
    body: publication,
    success: {
      status: 200,
      description: "It is published. The position where the channel keeps history.",
      schema: position,
    },
    refusals: { ...TOO_BIG, ...UNAVAILABLE },
    handle: (instance, { channel: name, key: once }, _, text) =>
      publish(instance, channelTopic(name), dataOf(text), {
        retention: instance.retention(name),
        key: once && backendKey(once),
      }),
  }),
  endpoint({
    method: "POST",
    path: "/api/batch",
    summary: "Publish to many channels",
    description: "In the order given. One that fails does not keep the others from being published.",
    body: object({ publications: list(publication, 1, MAX_BATCH) }),
    success: {
      status: 200,
      description: "What became of each, in the same order.",
      schema: object({ results: list(either(position, refusal), 1, MAX_BATCH) }),
    },
    refusals: TOO_BIG,
    handle: async (instance, { publications }, _, body) => {
      const texts = elementTexts(memberText(body, "publications") ?? "[]").map(dataOf);
      const long = texts.findIndex((text) => isTooBig(text, instance));
      if (long !== -1) return tooBig(instance, `\`publications[${long}].data\``);
      // All at once: the broker takes them in this order.
      const results = publications.map(({ channel: name, key: once }, index) =>
        instance.broker
          .publish(channelTopic(name), texts[index] ?? "", {
            retention: instance.retention(name),
            key: once && backendKey(once),
          })
          .then(positionOf, refusalOf),
      );
      return ok({ results: await Promise.all(results) });
    },
  }),
  endpoint({
    method: "POST",
    path: "/api/message",
    summary: "Send a message to a user",
    description: "To every session of the user, on all instances. It is not kept for who is away.",
    body: object({ user, data }),
    success: { status: 200, description: "The broker has it.", schema: nothing },
    refusals: { ...TOO_BIG, ...UNAVAILABLE },
    handle: (instance, { user: id }, _, text) => publish(instance, userTopic(id), dataOf(text)),
  }),
  endpoint({
    method: "POST",
    path: "/api/broadcast",
    summary: "Publish to every connection",
    body: object({ data: described(data, "Any JSON value. Every client of the cluster gets it.") }),
    success: { status: 200, description: "The broker has it.", schema: nothing },
    refusals: { ...TOO_BIG, ...UNAVAILABLE },
    handle: (instance, _body, _query, text) => publish(instance, BROADCAST, dataOf(text)),
  }),
];

function publish(
  instance: AdminInstance,
  topic: Topic,
  text: string,
  options: BrokerPublishOptions = {},
): AdminAnswer | Promise<AdminAnswer> {
  if (isTooBig(text, instance)) return tooBig(instance, "`data`");
  return orUnavailable(async () => ok(positionOf(await instance.broker.publish(topic, text, options))));
}

/**
 * The data of an object that the schema has taken, as it was sent. Copied: what is cut out of a text keeps
 * all of the text in memory, and the broker may keep it for long.
 */
function dataOf(object: string): string {
  return Buffer.from(memberText(object, "data") ?? "null").toString();
}

function isTooBig(text: string, { maxPublicationBytes }: AdminInstance): boolean {
  return Buffer.byteLength(text) > maxPublicationBytes;
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
