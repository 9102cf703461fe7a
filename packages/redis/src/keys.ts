/**
 * The names that Holdfast uses in Redis. This is the only file that builds or reads one.
 *
 * A topic's channel is the prefix and the topic, `holdfast:channel:news`: what backends publish to by hand.
 */
import { parseTopic, type Topic } from "@holdfast/core";

export class RedisKeys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The pub/sub channel of a topic. */
  channel(topic: Topic): string {
    return this.#prefix + topic;
  }

  channels(topics: readonly Topic[]): string[] {
    return topics.map((topic) => this.channel(topic));
  }

  /** The channel that a link listens to in order to learn whether it hears anything. `id` is the link's own. */
  probe(id: string): string {
    return `${this.#prefix}probe:${id}`;
  }

  /** The topic of a pub/sub channel, or undefined when it is not one of ours. */
  topic(channel: string): Topic | undefined {
    return channel.startsWith(this.#prefix) ? parseTopic(channel.slice(this.#prefix.length)) : undefined;
  }
}
