/**
 * Redis without a gateway: one thing done there, as any backend would do it.
 *
 * Invariant: the client of Redis is loaded when something is to be done there; most command lines go through
 * a gateway.
 */
import { type Logger, noMetrics, silentLogger, systemClock } from "@holdfast/core";
import type { SeamsOnRedis } from "@holdfast/redis";
import { describeTarget, parseRedisUrl } from "@holdfast/redis/target";
import { Failure, sentence } from "./failure.js";

export interface DirectRedisOptions {
  readonly url: string;
  readonly prefix: string;
  /** How long Redis may take to be reached, ms. */
  readonly timeoutMs: number;
}

/** The most that a cluster may be set to: its own value is not known here. */
const MAX_REVOCATIONS = 1_000_000;

/** Does it once Redis is reached. Returns where that was, for the person at the terminal. */
export async function withRedis(
  options: DirectRedisOptions,
  act: (redis: SeamsOnRedis) => Promise<unknown>,
): Promise<string> {
  const target = parseRedisUrl(options.url);
  if ("problem" in target) throw new Failure(`--redis ${target.problem}`, 2);
  const where = describeTarget(target);
  // The broker would try again for ever and tells the log why; here the first reason is the answer.
  let giveUp = (_reason: string): void => {};
  const logger: Logger = {
    ...silentLogger,
    warn: (fields) => {
      if ("reason" in fields) giveUp(String(fields.reason));
    },
    error: (fields) => {
      if ("reason" in fields) giveUp(String(fields.reason));
    },
  };
  const { refusalIn, SeamsOnRedis } = await import("@holdfast/redis");
  const redis = new SeamsOnRedis(
    {
      target,
      prefix: options.prefix,
      commandTimeoutMs: options.timeoutMs,
      maxRevocations: MAX_REVOCATIONS,
    },
    { clock: systemClock, logger, metrics: noMetrics, random: Math.random },
  );
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      giveUp = (reason) => reject(new Failure(awayMessage(where, reason, refusalIn(reason))));
      timer = setTimeout(() => giveUp(`no answer within ${options.timeoutMs} ms`), options.timeoutMs);
      redis.broker.start({ publication: () => {}, state: (state) => state === "ready" && resolve() });
    });
    await act(redis).catch((error: unknown) => {
      throw new Failure(`Redis at ${where} did not take it: ${sentence(error)}`, 1, { cause: error });
    });
    return where;
  } finally {
    clearTimeout(timer);
    await redis.broker.close();
  }
}

/** A Redis that answers and refuses is not one that is away. */
function awayMessage(where: string, reason: string, refusal: string | undefined): string {
  if (refusal !== undefined)
    return `Redis at ${where} ${refusal} (it said: ${reason.replace(" Please report this.", "")})`;
  return `no Redis at ${where} (${reason}): check the URL, and that Redis runs there`;
}
