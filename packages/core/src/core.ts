/**
 * Core: all that a worker does with its connections, and the façade that the network edge talks to.
 *
 * The edge brings transports and text; the broker brings publications; core owns everything between. It opens
 * no socket and reads no clock of its own. Invariant: after `drain` began no connection is admitted.
 */

import { channelProblem, disconnects, type ErrorCode, errors, type Resume } from "@holdfast/protocol";
import type { Verdict } from "./access/authentication.js";
import type { ForwardedHeaders } from "./access/authorizer.js";
import { ClusterSecret } from "./access/cluster-secret.js";
import { ANONYMOUS, type Identity } from "./access/identity.js";
import type { Tickets } from "./access/tickets.js";
import { assemble } from "./assembly.js";
import type { BrokerPart, BrokerState } from "./broker/broker.js";
import type { Codec } from "./codec/codec.js";
import { type CodecName, codecs } from "./codec/codecs.js";
import { askWho, whoComes } from "./commands/authenticate.js";
import { forbidden } from "./commands/forbidden.js";
import { Connection } from "./connection/connection.js";
import type { Context } from "./connection/context.js";
import { Drain, type DrainOptions } from "./connection/drain.js";
import type { Keepalive } from "./connection/keepalive.js";
import type { ShedOrder } from "./connection/shedding.js";
import type { UrlConnect } from "./connection/url-connect.js";
import { Arrivals } from "./control/arrivals.js";
import { CommonTopics } from "./control/common-topics.js";
import type { Control } from "./control/control.js";
import { InspectedWorker } from "./control/inspected-worker.js";
import type { CatchUp } from "./delivery/slow-consumers.js";
import type { Transport } from "./delivery/transport.js";
import { catchUp } from "./delivery/writer.js";
import type { CoreOptions } from "./options.js";
import type { Seams } from "./seams.js";

type State =
  | { readonly kind: "idle" | "open" | "closed" }
  | { readonly kind: "draining"; readonly drain: Drain };

export class Core extends InspectedWorker {
  readonly #context: Context;
  readonly #keepalive: Keepalive;
  readonly #seams: Seams;
  readonly #orders: Control;
  readonly #tickets: Tickets;
  readonly #secret: ClusterSecret;
  readonly #common: CommonTopics;
  #state: State = { kind: "idle" };
  #closing: Promise<void> | undefined;

  constructor(options: CoreOptions, seams: Seams) {
    const { context, fanOut, keepalive, orders, tickets } = assemble(options, seams);
    super(context);
    this.#seams = seams;
    this.#context = context;
    this.#keepalive = keepalive;
    this.#orders = orders;
    this.#tickets = tickets;
    this.#common = new CommonTopics(context, fanOut, orders);
    this.#secret = new ClusterSecret({
      ...seams,
      learnt: (keys) => {
        context.resumeTokens.use(keys.resume);
        tickets.use(keys.tickets);
      },
    });
  }

  get state(): "idle" | "open" | "draining" | "closed" {
    return this.#state.kind;
  }

  /** What instances sign with what they tell each other; undefined until the broker could be asked. */
  get instanceKey(): string | undefined {
    return this.#secret.instanceKey;
  }

  /**
   * The broker's state as clients meet it: not ready before broadcasts and orders are heard, or the first
   * would be missed.
   */
  get brokerState(): BrokerState {
    const { state } = this.#seams.broker;
    return state === "ready" && !this.#common.heard ? "connecting" : state;
  }

  /** Begins to keep time and to listen to the broker. */
  start(): void {
    if (this.#state.kind !== "idle") return;
    this.#state = { kind: "open" };
    keepTime(this.#context, this.#keepalive);
    const arrivals = new Arrivals(this.#context, this.#common);
    this.#seams.broker.start({
      publication: (topic, data, position) => arrivals.publication(topic, data, position),
      skipped: (topic) => arrivals.skipped(topic),
      state: (state, part) => {
        if (state !== "ready") return;
        if (part === undefined) this.#common.listen();
        restored(this.#context, part);
        if (part === undefined) this.#secret.learn();
      },
    });
  }

  /**
   * The identity behind a request: by the token in its head, or by what proves the session that it goes on
   * with: at once where no token is looked at. `byUrl`: its headers for the application, which is asked where
   * the URL connects and nothing else can say it.
   */
  authenticate(
    token: string | undefined,
    byUrl?: ForwardedHeaders,
    resume?: Resume,
  ): Verdict | Promise<Verdict> {
    const { authentication, applicationChecks, resumeTokens, revocations } = this.#context;
    if (token !== undefined && authentication.takesTokens) return authentication.identify(token);
    const shown = resume && resumeTokens.check(resume.sid, resume.token);
    if (shown !== undefined && revocations.refuses({}, shown.key)) return { error: errors.tokenRevoked };
    const isKnown = shown?.user !== undefined && shown.identity !== undefined;
    return byUrl !== undefined && !isKnown && applicationChecks.decideConnect
      ? askWho(this.#context, { session: undefined, token, client: undefined, headers: byUrl })
      : whoComes(this.#context, shown);
  }

  /** What `redeem` takes once, within seconds, for a client that must not put a token into a URL. */
  ticketFor(identity: Identity): ReturnType<Tickets["issue"]> {
    return this.#tickets.issue(identity);
  }

  /** The identity of a ticket's bearer. The ticket is used up. Never rejects. */
  redeem(ticket: string): Promise<Verdict> {
    return this.#tickets.redeem(ticket);
  }

  /**
   * Why a connection cannot be opened now, before its upgrade; `channels` are those its URL names, if any,
   * and `who` is what `authenticate` returned. A client that names no channels may still send a token in
   * `connect`.
   */
  admit(channels?: readonly string[], who = this.#context.authentication.anonymous): ErrorCode | undefined {
    if (this.#state.kind !== "open") return errors.unavailable;
    if (channels === undefined) return undefined;
    if ("error" in who) return who.error;
    if (channels.length > this.#context.options.maxChannels) return errors.limitChannels;
    for (const channel of channels) {
      const wrong = channelProblem(channel);
      if (wrong !== undefined) return { ...errors.badChannel, message: `A channel's name ${wrong}.` };
      if (!mayWish(this.#context, who.identity, channel))
        return forbidden(this.#context, who.identity, channel, "subscribe");
    }
    return this.brokerState === "ready" ? undefined : errors.unavailable;
  }

  /**
   * Takes over a transport. With `url` that has connected it, or only its channels, all different; else it
   * waits for `connect`. `identity`: what the request proved, if it brought a token; `headers`: what of it
   * the application wants to see.
   */
  open(
    transport: Transport,
    codec: Codec | CodecName,
    url?: UrlConnect | readonly string[],
    identity?: Identity,
    headers?: ForwardedHeaders,
  ): Connection {
    const spoken = typeof codec === "string" ? codecs[codec] : codec;
    if (spoken.encoding.isBinary && transport.framing.frameBytes === undefined)
      throw new TypeError(`the codec ${spoken.name} is binary, and this transport carries text alone`);
    this.#context.clock.rest?.wake();
    const id = this.#seams.sessionId();
    const connection = new Connection(
      id,
      this.#context,
      transport,
      spoken,
      url === undefined ? { identity, headers } : undefined,
    );
    if (this.#state.kind !== "open") connection.disconnect(disconnects.drain);
    else if (url !== undefined)
      this.#connectByUrl(connection, "channels" in url ? url : { channels: url }, identity ?? ANONYMOUS);
    // What it is told at once leaves with the handshake's answer, in one write.
    this.#context.cork.release(connection);
    return connection;
  }

  /** A moment may have passed since the token was checked. */
  #connectByUrl(connection: Connection, url: UrlConnect, identity: Identity): void {
    const error = this.#context.revocations.veto(identity, identity.user);
    if (error === undefined) this.#context.commands.connectByUrl(connection, url, identity);
    else connection.disconnect(error === errors.unavailable ? disconnects.unavailable : disconnects.revoked);
  }

  /** Whether the token proves that its bearer is the client of the session. */
  isTokenOf(sid: string, token: string): boolean {
    return this.#context.resumeTokens.check(sid, token) !== undefined;
  }

  /** Sends a few clients to other instances, in the place of what was ordered before. */
  shed(order: ShedOrder, onShed: (count: number) => void = () => {}): void {
    this.#context.clock.rest?.wake();
    if (this.#state.kind === "open") this.#context.shedding.order(order, onShed);
  }

  /** Sends every client away; resolves when none is left, or at `close`. A second call awaits the first. */
  drain(options: DrainOptions, onProgress: (left: number) => void = () => {}): Promise<void> {
    if (this.#state.kind === "draining") return this.#state.drain.done;
    if (this.#state.kind !== "open") return Promise.resolve();
    const { clock, registry, shedding, ticker } = this.#context;
    shedding.stop();
    clock.rest?.quietWhile(() => false);
    clock.rest?.wake();
    const drain = new Drain(options, registry, ticker, clock, this.#seams.random, onProgress);
    this.#state = { kind: "draining", drain };
    return drain.done;
  }

  /**
   * Disconnects the connections that are left and lets go of the broker; resolves when that is done.
   * Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const last = this.#state;
    this.#state = { kind: "closed" };
    // The ticker stops, and with it a drain under way.
    if (last.kind === "draining") last.drain.end();
    for (const connection of this.#context.registry.connections) connection.disconnect(disconnects.drain);
    this.#orders.close();
    this.#common.close();
    this.#secret.close();
    this.#context.ticker.close();
    await this.#context.presence?.close();
    this.#seams.authorizer?.close();
    await this.#seams.events?.close();
    await this.#seams.broker.close();
  }
}

/** Whether a channel may be asked for: the identity has it, or the application may allow it. */
function mayWish(
  { access, applicationChecks }: Pick<Context, "access" | "applicationChecks">,
  identity: Identity,
  channel: string,
): boolean {
  return access.may(identity, channel, "subscribe") || applicationChecks.decideSubscribe(identity, channel);
}

/** The server of a part can be reached, for the first time or again; without one, that of all the rest. */
function restored(
  { broker, outageGaps, presence, streamReader }: Context,
  part: BrokerPart | undefined,
): void {
  const { apart } = broker;
  const has = (one: BrokerPart): boolean => (part === undefined ? apart?.[one] === undefined : part === one);
  if (has("history")) streamReader.restored();
  if (part === undefined) outageGaps.restored();
  if (has("presence")) presence?.restored();
}

/** What happens at each tick, in this order. */
function keepTime(context: Context, keepalive: Keepalive): void {
  const { detached, expiries, presence, registry, revocations, shedding, slowConsumers } = context;
  const { outageGaps, streamReader, ticker } = context;
  const catchUpSlow: CatchUp = (subscription) => catchUp(context, subscription.connection, subscription);
  ticker.add(() => keepalive.turn());
  ticker.add(() => registry.turn());
  ticker.add(() => streamReader.turn());
  ticker.add(() => outageGaps.turn());
  ticker.add(() => detached.turn());
  ticker.add(() => slowConsumers.turn(catchUpSlow));
  ticker.add(() => revocations.turn());
  ticker.add(() => expiries.turn());
  ticker.add(() => presence?.turn());
  ticker.add(() => shedding.turn());
  ticker.start();
}
