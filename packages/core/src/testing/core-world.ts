/**
 * A core among doubles, and clients that a test speaks for.
 */
import {
  type Command,
  type DecodedFrame,
  decodeFrames,
  encodeCommand,
  type Json,
  type Owner,
  ownerPrefix,
} from "@holdfast/protocol";
import { MemoryRevocations } from "../access/revocation-memory.js";
import type { RevocationStore } from "../access/revocation-store.js";
import type { Broker } from "../broker/broker.js";
import { MemoryBroker } from "../broker/broker-memory.js";
import { CONTROL } from "../broker/topic.js";
import type { Codec } from "../codec/codec.js";
import type { CodecName } from "../codec/codecs.js";
import type { Connection } from "../connection/connection.js";
import { Core } from "../core.js";
import { CORE_DEFAULTS, type CoreOptions } from "../options.js";
import type { Clock } from "../runtime/clock.js";
import type { Seams } from "../seams.js";
import { FakeClock } from "./fake-clock.js";
import { FakeTransport } from "./fake-transport.js";
import { RecordingLogger } from "./recording-logger.js";
import { RecordingMetrics } from "./recording-metrics.js";
import { ScriptedAuthenticator } from "./scripted-authenticator.js";

/** A command without its id. */
export type Request = Command extends infer Each
  ? Each extends Command
    ? { readonly op: Each["op"]; readonly body: Each["body"] }
    : never
  : never;

/** A connection with the test at its other end. */
export class FakeClient {
  readonly transport: FakeTransport;
  readonly connection: Connection;
  #lastId = 0;

  constructor(
    core: Core,
    codec: Codec | CodecName,
    channels?: readonly string[],
    transport = new FakeTransport(),
  ) {
    this.transport = transport;
    this.connection = core.open(transport, codec, channels);
  }

  /** Sends a command; returns its id. */
  send(request: Request): number {
    const id = ++this.#lastId;
    this.connection.receive(encodeCommand({ ...request, id } as Command));
    return id;
  }

  connect(subs?: Readonly<Record<string, null>>): number {
    return this.send({ op: "connect", body: subs === undefined ? {} : { subs } });
  }

  subscribe(channel: string): number {
    return this.send({ op: "subscribe", body: { channel } });
  }

  unsubscribe(channel: string): number {
    return this.send({ op: "unsubscribe", body: { channel } });
  }

  publish(channel: string, data: Json): number {
    return this.send({ op: "publish", body: { channel, data } });
  }

  /** Frames since the last call of this, of `data` or of the transport's `take…`. */
  take(): DecodedFrame[] {
    return this.transport.takeFrames();
  }

  /** The data of every publication so far, on one channel. */
  data(channel: string): Json[] {
    return this.transport.messages
      .flatMap((message) => decodeFrames(message))
      .flatMap((frame) => (frame.kind === "push" && frame.op === "publication" ? [frame.body] : []))
      .map((body) => body as { channel: string; data: Json })
      .flatMap((body) => (body.channel === channel ? [body.data] : []));
  }

  /** The transport ends, on either side's wish. */
  gone(): void {
    this.connection.closed();
  }
}

export class CoreWorld<B extends Broker = MemoryBroker> {
  readonly clock = new FakeClock();
  readonly metrics = new RecordingMetrics();
  readonly logger = new RecordingLogger();
  /** Asked where the gateway is private. */
  readonly tokens = new ScriptedAuthenticator();
  readonly broker: B;
  readonly core: Core;
  readonly revocations: RevocationStore;
  #ids = 0;

  /** Started. Its namespace `open` lets clients publish. */
  constructor(
    broker: B,
    options: Partial<CoreOptions> = {},
    owner: Owner = { slot: 0, generation: 0 },
    seams: Partial<Seams> = {},
  ) {
    this.broker = broker;
    this.revocations = seams.revocations ?? memoryRevocations(broker, this.clock);
    this.core = new Core(
      { ...CORE_DEFAULTS, clockLeewayMs: 0, namespaces: { open: { clientPublish: true } }, ...options },
      {
        broker,
        sharedSecret: async () => SHARED_SECRET,
        revocations: this.revocations,
        clock: this.clock,
        logger: this.logger,
        metrics: this.metrics,
        sessionId: () => ownerPrefix(owner) + `${++this.#ids}`.padStart(16, "0"),
        random: () => 0.5,
        authenticator: options.access === "private" ? this.tokens : undefined,
        ...seams,
      },
    );
    this.core.start();
  }

  client(codec: Codec | CodecName = "lines", channels?: readonly string[]): FakeClient {
    return new FakeClient(this.core, codec, channels);
  }

  /** A client whose connect command is answered, and read. */
  connected(): FakeClient {
    const client = this.client();
    client.connect();
    client.take();
    return client;
  }

  /** A client that is connected and subscribed, and has read so. */
  async subscribed(...channels: string[]): Promise<FakeClient> {
    const client = this.connected();
    for (const channel of channels) client.subscribe(channel);
    await this.settle();
    client.take();
    return client;
  }

  settle(): Promise<void> {
    return this.clock.settle();
  }

  /** Lets time pass tick by tick, so that promises run in between. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= TICK_MS) {
      this.clock.advance(Math.min(TICK_MS, left));
      await this.settle();
    }
  }
}

const TICK_MS = 100;

/** What all worlds have in common, unless a test says otherwise. */
const SHARED_SECRET = "the secret of all worlds of a test";

/** A store that tells over this broker. */
export function memoryRevocations(broker: Broker, clock: Clock): MemoryRevocations {
  return new MemoryRevocations({
    maxRevocations: 100,
    now: () => clock.now(),
    tell: (order) => void broker.publish(CONTROL, order).catch(() => {}),
  });
}

/** A core with the memory broker. */
export function memoryWorld(options: Partial<CoreOptions> = {}): CoreWorld {
  return new CoreWorld(new MemoryBroker(), options);
}
