/**
 * A process of clients of the SDK that check their sequences: the test asks it how they are.
 */
import { serve } from "./helper-process.js";
import { gather, type Return, type ReturningClient } from "./returning-client.js";
import type { Violation } from "./watcher.js";

/** Where a client connects, and what it hears. */
export interface Place {
  readonly url: string;
  readonly channel: string;
}

export interface Gathering {
  readonly places: readonly Place[];
  /** Handshakes on their way at once. */
  readonly inFlight: number;
}

/** All that a client has to say of its life. */
export interface ClientAccount {
  readonly returns: readonly Return[];
  readonly problems: readonly string[];
  /** Why it was without a connection, each time. */
  readonly waits: readonly string[];
  readonly violations: readonly Violation[];
  readonly gaps: readonly string[];
  readonly received: number;
}

/** The last number of each channel. */
export type LastNumbers = Readonly<Record<string, number>>;

const clients: ReturningClient[] = [];

function account({ returns, problems, waits, watcher: { check } }: ReturningClient): ClientAccount {
  const { violations, gaps, received } = check;
  return { returns, problems, waits, violations, gaps, received };
}

const answers = {
  /** Answers when all of them are subscribed. */
  gather: async ({ places, inFlight }: Gathering): Promise<void> => {
    clients.push(...(await gather(places, inFlight)));
  },
  connected: (): number => clients.filter(({ isConnected }) => isConnected).length,
  /** How many have not heard the last number of their channel. */
  behind: (last: LastNumbers): number =>
    clients.filter(({ watcher: { channel, check } }) => check.last !== last[channel]).length,
  accounts: (): readonly ClientAccount[] => clients.map(account),
};

export type ClientGroupAnswers = typeof answers;

serve(answers);
