/**
 * Channel demand: what the handles of a channel want of the server besides its publications.
 *
 * Leaves to the shared subscription when it is asked for. Invariant: it only grows; where no handle is left,
 * the next one begins with another demand.
 */
import type { Position } from "@holdfast/protocol";
import { TokenProvider } from "../token-source.js";
import type { PresenceWatch } from "./presence-watch.js";
import type { SubscribeOptions } from "./subscription.js";

/** What is wanted besides publications, as a command says it. */
interface DemandFields {
  readonly presence?: boolean;
  readonly joinLeave?: boolean;
}

/** What one command asked for. */
export interface ChannelRequest {
  /** Everything after this; compared by identity. */
  readonly since: Position | undefined;
  readonly wish: DemandFields;
}

export class ChannelDemand {
  /** Where the channel's own tokens come from, if it has any. */
  tokens: TokenProvider | undefined;
  /** The members of the channel, where a handle asked for them. */
  watch: PresenceWatch | undefined;
  asked: DemandFields = {};

  /** Adds what another handle wants. True when that has to be asked for anew. */
  add({ token, presence = false }: SubscribeOptions, newWatch: () => PresenceWatch): boolean {
    if (token !== undefined) this.tokens = new TokenProvider(token);
    if (presence === false) return false;
    const before = this.asked;
    this.asked = { presence: true, ...before, ...(presence === true && { joinLeave: true }) };
    this.watch ??= newWatch();
    return this.exceeds(before);
  }

  /** Whether a command with `asked` asked for less than is wanted by now. */
  exceeds(asked: DemandFields): boolean {
    return Object.keys(this.asked).some((each) => !(each in asked));
  }
}
