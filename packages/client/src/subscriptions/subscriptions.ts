/**
 * Subscriptions: the channels that the application wants, by name.
 *
 * What is here survives connections: each connect command asks for it and each connect reply settles it.
 */
import { type ChannelWish, isPosition, MAX_CHANNELS_DEFAULT } from "@holdfast/protocol";
import { isChannel } from "../wire/channel-name.js";
import type { ChannelPush, ConnectReply, Publication } from "../wire/inbound.js";
import type { ChannelRequest } from "./channel-demand.js";
import { SharedSubscription } from "./shared-subscription.js";
import {
  type Handle,
  type RequestSender,
  type Share,
  type SharedSubscriptionOptions,
  type SubscribeOptions,
  Subscription,
} from "./subscription.js";

/**
 * Characters of names and positions that one connect command may carry, so that it stays below any server's
 * limit.
 */
const MAX_WANTED_LENGTH = 16 * 1024;

export class Subscriptions {
  readonly #options: SharedSubscriptionOptions;
  readonly #byChannel = new Map<string, SharedSubscription>();
  /** The connection, while there is one. */
  #wire: RequestSender | undefined;
  /** What the last connect command asked for, and from where on. */
  #asked: ReadonlyMap<string, ChannelRequest> = new Map();

  constructor(options: Omit<SharedSubscriptionOptions, "gone" | "again">) {
    const gone = (share: Share): void => {
      if (this.#byChannel.get(share.channel) === share) this.#byChannel.delete(share.channel);
    };
    const again = (channel: string, handle: Handle, wanted: SubscribeOptions): SharedSubscription => {
      const share = this.#shareOf(channel);
      share.add(this.#wire, wanted, handle);
      return share;
    };
    this.#options = { ...options, gone, again };
  }

  /** Throws a TypeError for what is not a channel name or not a position. */
  add(
    channel: string,
    onPublication: ((publication: Publication) => void) | undefined,
    options: SubscribeOptions,
  ): Subscription {
    const { since } = options;
    if (!isChannel(channel)) {
      throw new TypeError(
        `Not a channel name: ${JSON.stringify(channel)} (1 to 255 printable bytes, plain or namespace:rest)`,
      );
    }
    if (since !== undefined && !isPosition(since)) {
      throw new TypeError(`since: ${JSON.stringify(since)} is not a position {offset, epoch}`);
    }
    const share = this.#shareOf(channel);
    const handle = share.add(this.#wire, options);
    if (onPublication !== undefined) handle.on("publication", onPublication);
    return new Subscription(share, handle, options);
  }

  #shareOf(channel: string): SharedSubscription {
    let share = this.#byChannel.get(channel);
    if (share === undefined) {
      share = new SharedSubscription(channel, this.#options);
      this.#byChannel.set(channel, share);
    }
    return share;
  }

  /** The `subs` of a connect command. What does not fit is asked for afterwards. */
  wanted(): Readonly<Record<string, ChannelWish | null>> {
    let length = 0;
    const asked = new Map<string, ChannelRequest>();
    const wishes: [string, ChannelWish | null][] = [];
    for (const [channel, share] of this.#byChannel) {
      if (share.needsToken) continue;
      const ask = share.asked;
      const wish = { ...ask.since, ...ask.wish };
      const text = JSON.stringify(wish);
      length += channel.length + text.length;
      if (length > MAX_WANTED_LENGTH || asked.size === MAX_CHANNELS_DEFAULT) break;
      asked.set(channel, ask);
      wishes.push([channel, text === "{}" ? null : wish]);
    }
    this.#asked = asked;
    // Own properties whatever the name: an assignment to `__proto__` would be lost.
    return Object.fromEntries(wishes);
  }

  connected(wire: RequestSender, { subs = {} }: ConnectReply): void {
    this.#wire = wire;
    for (const channel of this.#asked.keys()) {
      // Given up while the connect command was on its way.
      if (!this.#byChannel.has(channel)) wire.request("unsubscribe", { channel }, () => {});
    }
    for (const [channel, share] of [...this.#byChannel]) {
      const asked = this.#asked.get(channel);
      const outcome = asked !== undefined && Object.hasOwn(subs, channel) ? subs[channel] : undefined;
      share.connected(wire, outcome, asked ?? share.asked);
      // A listener may have closed the client.
      if (this.#wire !== wire) return;
    }
  }

  lost(): void {
    this.#wire = undefined;
    for (const share of [...this.#byChannel.values()]) share.lost();
  }

  /** False where the application has not asked for the channel. */
  push(push: ChannelPush): boolean {
    const share = this.#byChannel.get(push.body.channel);
    share?.push(push);
    return share !== undefined;
  }
}
