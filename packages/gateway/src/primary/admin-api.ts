/**
 * What the admin port answers: health for orchestrators, metrics for Prometheus, publishing for backends, who is slow for
 * operators.
 *
 * Owns no state: it asks the instance. The path of each endpoint is a contract (docs/operations.md).
 */
import {
  BROADCAST,
  type Broker,
  BrokerUnavailable,
  channelTopic,
  type PublishOptions,
  type Retention,
  type SlowConnection,
  type Topic,
} from "@holdfast/core";
import { channelProblem, errors, MAX_KEY_LENGTH } from "@holdfast/protocol";
import { type AdminAnswer, type AdminRoutes, adminError } from "./admin-server.js";
import type { DrainProgress } from "./instance-drain.js";

/** What the endpoints ask of the instance. */
export interface AdminInstance {
  readonly broker: Broker;
  /** What is kept of a channel's past. */
  retention(channel: string): Retention | undefined;
  /** Why the instance should get no traffic, one sentence each; empty when it is ready. */
  notReady(): readonly string[];
  /** Prometheus text of the whole instance. */
  metrics(): Promise<string>;
  /** Begins to drain; says how far it is, or undefined when the instance has not started. */
  drain(): DrainProgress | undefined;
  drainProgress(): DrainProgress;
  /** The connections of all workers that read most slowly. */
  slowest(limit: number): Promise<readonly SlowConnection[]>;
}

/** Entries of the list of slow connections. */
const SLOW_LIMIT = Object.freeze({ default: 20, max: 1000 });

export function adminApi(instance: AdminInstance, maxPublicationBytes: number): AdminRoutes {
  const publishTo = async (
    topic: Topic,
    data: unknown,
    options: PublishOptions = {},
  ): Promise<AdminAnswer> => {
    const text = JSON.stringify(data);
    if (Buffer.byteLength(text) > maxPublicationBytes) {
      return adminError(413, errors.tooBig.name, `A publication has at most ${maxPublicationBytes} bytes.`);
    }
    try {
      const position = await instance.broker.publish(topic, text, options);
      return { status: 200, body: position ?? {} };
    } catch (error) {
      if (error instanceof BrokerUnavailable)
        return adminError(503, errors.unavailable.name, errors.unavailable.message);
      throw error;
    }
  };
  return {
    "GET /livez": () => ({ status: 200, body: "ok\n" }),
    "GET /readyz": () => {
      const problems = instance.notReady();
      return problems.length === 0
        ? { status: 200, body: "ok\n" }
        : { status: 503, body: `${problems.join("\n")}\n` };
    },
    "GET /metrics": async () => ({
      status: 200,
      body: await instance.metrics(),
      contentType: "text/plain; version=0.0.4; charset=utf-8",
    }),
    "GET /api/slow": async (_, query) => {
      const limit = Number(query.get("limit") ?? SLOW_LIMIT.default);
      if (!Number.isInteger(limit) || limit < 1 || limit > SLOW_LIMIT.max)
        return badRequest(`\`limit\` is a whole number from 1 to ${SLOW_LIMIT.max}: /api/slow?limit=20.`);
      return { status: 200, body: { connections: await instance.slowest(limit) } };
    },
    "POST /api/publish": (body) => {
      const { channel, data, key } = fields(body);
      if (typeof channel !== "string")
        return badRequest('`channel` is missing: {"channel": "news", "data": …}.');
      const problem = channelProblem(channel);
      if (problem !== undefined) return badRequest(`The channel's name ${problem}.`);
      if (data === undefined) return badRequest("`data` is missing: any JSON value.");
      if (key !== undefined && !isKey(key))
        return badRequest(`\`key\` is a string of 1 to ${MAX_KEY_LENGTH} characters.`);
      return publishTo(channelTopic(channel), data, { retention: instance.retention(channel), key });
    },
    "POST /api/broadcast": (body) => {
      const { data } = fields(body);
      return data === undefined
        ? badRequest("`data` is missing: any JSON value.")
        : publishTo(BROADCAST, data);
    },
    "POST /api/drain": () => {
      const progress = instance.drain();
      return progress === undefined
        ? adminError(503, errors.unavailable.name, "The instance has not started yet.")
        : { status: 202, body: progress };
    },
    "GET /api/drain": () => ({ status: 200, body: instance.drainProgress() }),
  };
}

function fields(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
}

function isKey(key: unknown): key is string {
  return typeof key === "string" && key.length > 0 && key.length <= MAX_KEY_LENGTH;
}

function badRequest(message: string): AdminAnswer {
  return adminError(400, errors.badRequest.name, message);
}
