/**
 * The one schema of settings: types, parsing, defaults, flags, environment names and docs/configuration.md.
 *
 * It is one long table on purpose: its order is that of docs/configuration.md and of `config print`, which is
 * another than that of the groups in the help (setting-groups.ts). A new setting is a row here and a line in
 * compose.ts. Rules between settings are in cross-checks.ts. Invariant: every default is valid, and what core
 * has a default for takes it from there.
 */
import { CORE_DEFAULTS } from "@holdfast/core";
import { MAX_SLOTS } from "@holdfast/protocol";
import { z } from "zod";
import { compressMin, historySize, historyTtl, namespaces } from "./namespaces.js";
import { optional, type Setting, setting } from "./setting.js";
import { duration, durationOrOff, formatDuration } from "./values/duration.js";
import { files } from "./values/files.js";
import { origins } from "./values/origins.js";
import { ports } from "./values/ports.js";
import { proxies } from "./values/proxies.js";
import { choice, integer, integerOrAuto, integerOrOff, secretWord, word, yesNo } from "./values/shape.js";
import { formatSize, size } from "./values/size.js";
import { jwtSecret, keySetUrl, names, publicKey } from "./values/tokens.js";
import { headerNames, webhookUrl } from "./webhook.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const KIB = 1024;
const MIB = 1024 * KIB;

const host = word("address", "an IP address or a host name, without a port", /^(?=.*[:.\w])[\w.:%-]+$/);
const redisUrl = secretWord("url", "a Redis URL such as redis://127.0.0.1:6379", /^\S+$/);
const prefix = word(
  "text",
  "1 to 64 printable characters without spaces and braces",
  /^[\x21-\x7a|~]{1,64}$/,
);
const key = secretWord("key", "16 to 256 printable characters without spaces", /^[\x21-\x7e]{16,256}$/);

const address = word(
  "address",
  "auto, off, or an address with a port such as 10.0.0.5:8080",
  /^(?:auto|off|(?:\[[\da-fA-F:.%]+\]|[\w.-]+):(?!0)\d{1,5})$/,
);
const webhookSecret = secretWord(
  "secret",
  "32 to 1024 printable characters without spaces, such as the output of `openssl rand -base64 48`",
  /^[\x21-\x7e]{32,1024}$/,
);

export const settings = Object.freeze({
  host: setting(host, {
    default: "127.0.0.1",
    example: "0.0.0.0",
    description:
      "Address of the public port. On an address that other machines can reach the gateway refuses to start without a key for tokens, `webhookConnectUrl` or `anonymous`.",
  }),
  port: setting(ports(), {
    default: 8080,
    example: "8080-8099",
    description:
      "Public port, or a range of ports that are all alike: a load balancer reaches about 55,000 connections per target port. `0` takes a free one.",
  }),
  accept: setting(choice(["primary", "reuseport"]), {
    default: "primary",
    example: "reuseport",
    description:
      "Who accepts connections: the primary, which hands each to a worker, or every worker on listeners of its own that share the ports (`reuseport`: Linux, Node.js 22.12 or later; limits are then per worker).",
  }),
  engine: setting(choice(["auto", "lean", "ws"]), {
    default: "auto",
    example: "ws",
    description:
      "What moves the bytes of WebSockets: `lean`, our receiver on the bare TCP handle, with a third of the memory; or `ws`, the package of that name on ordinary sockets. `auto` takes `lean` on the Node.js versions that the tests run on (20, 22, 24, 26) and `ws` on any other, where `compression` is `dedicated`, and where `tlsCert` is set; the start says which. `lean` reads no TLS.",
  }),
  tlsCert: optional(files("/etc/holdfast/app.crt", "/etc/holdfast/other.crt"), {
    example: ["/etc/holdfast/app.crt"],
    description:
      "Files with the certificates of the public port, each a chain in PEM, the server's own first. With them the port speaks TLS alone (https, wss). The first is for clients that ask for no name; of several, a client gets the first that has the name it asks for. Read again when they change and at SIGHUP, which ends no connection. Needs `tlsKey`, and the engine `ws`.",
  }),
  tlsKey: optional(files("/etc/holdfast/app.key", "/etc/holdfast/other.key"), {
    example: ["/etc/holdfast/app.key"],
    description:
      "Files with the private keys of `tlsCert`, in PEM without a passphrase, in the same order. They are read by the primary alone.",
  }),
  tlsMinVersion: setting(choice(["1.2", "1.3"]), {
    default: "1.2",
    example: "1.3",
    description: "The oldest version of TLS that the public port and the admin port speak.",
  }),
  workers: setting(integerOrAuto(1, MAX_SLOTS), {
    default: "auto",
    defaultMeans: "one per CPU",
    example: 4,
    description:
      "Worker processes. `auto` starts one per CPU that this process may use: the least of the machine's, its affinity and the whole CPUs of its control group's quota.",
  }),
  redis: optional(redisUrl, {
    example: "redis://127.0.0.1:6379",
    secret: "password",
    description:
      "URL of the Redis or Valkey that joins instances into a cluster. Unset: the embedded broker, one instance only.",
  }),
  redisHistory: optional(redisUrl, {
    example: "redis://10.0.0.2:6379",
    secret: "password",
    description:
      "URL of another Redis, for the channels with a history: their logs, and with them their publications. The same on all instances. Unset: they are at `redis`.",
  }),
  redisPresence: optional(redisUrl, {
    example: "redis://10.0.0.3:6379",
    secret: "password",
    description:
      "URL of another Redis, for presence: who is where, and the joins and leaves that are told. The same on all instances. Unset: it is at `redis`.",
  }),
  brokerWait: setting(duration(0, 20_000), {
    reload: true,
    default: "10s",
    example: "3s",
    description:
      "How long a worker that starts waits for Redis before it serves without it: until then `/healthz` is not 200, and a reload does not go on. Later outages do not matter to `/healthz`.",
  }),
  canary: setting(durationOrOff(100, 10 * MINUTE), {
    reload: true,
    default: "off",
    example: "5s",
    description:
      "How often each instance publishes a canary through Redis, a publication of some 120 bytes that every worker of the cluster hears: loss, duplicates, order, latency and clock skew become metrics. Costs Redis one copy per interval from each instance to each worker of the cluster, or to each instance where `redisSubscriptions` is `instance`.",
  }),
  redisSharded: setting(choice(["auto", "on", "off"]), {
    default: "auto",
    example: "off",
    description:
      "Sharded pub/sub, for `redis+cluster://`: a channel's publications go to the master of its slot and to no other member. `auto`: where all masters know it (Redis 7, Valkey) and every worker of the cluster listens to it. `on`: the same, but Redis counts as away where a master refuses it. `off`: PUBLISH, to every member, as with `redisSubscriptions` `instance`.",
  }),
  redisPrefix: setting(prefix, {
    default: "holdfast:",
    example: "chat:",
    description: "What every Redis key and channel of this cluster starts with.",
  }),
  redisSubscriptions: setting(choice(["auto", "instance", "worker"]), {
    default: "auto",
    defaultMeans:
      "`instance` from 4 workers on, `worker` with fewer and with a Redis Cluster, unless `redisSharded` is `off`",
    example: "instance",
    description:
      "How often Redis sends a publication: `worker`, once to each worker with a subscriber; `instance`, once to each instance, whose workers pass it on to each other over Unix sockets. `auto` ([ADR 58](adr/0058-once-per-instance-by-default.md)) decides by the workers at the start, and instances of one cluster may differ. With `instance` a worker that dies takes its share of the topics along for a moment (60 to 140 ms, measured): what has a history is read again, for channels without one a gap is told, and broadcasts are counted as `holdfast_topics_skipped_total`. With one worker both are the same.",
  }),
  advertise: setting(address, {
    default: "auto",
    defaultMeans:
      "`host`, or the first IPv4 address that is neither loopback nor link-local, with the first public port",
    example: "10.0.0.5:8080",
    description:
      "Where other instances of the cluster reach this one's public port: an HTTP request of a session that lives here and came to them is forwarded there. `off`: they answer it themselves and make the session anew. Without `redis` there are no others.",
  }),
  adminHost: setting(host, {
    default: "127.0.0.1",
    example: "10.0.0.5",
    description: "Address of the admin port. Anything but loopback needs `adminKey`.",
  }),
  adminPort: setting(integer(0, 65_535), {
    default: 9080,
    example: 9100,
    description: "Port of /metrics, /livez, /readyz and the admin API. `0` takes a free one.",
  }),
  adminTlsCert: optional(files("/etc/holdfast/admin.crt", "/etc/holdfast/other.crt"), {
    example: ["/etc/holdfast/admin.crt"],
    description:
      "As `tlsCert`, for the admin port, whose name and authority are mostly others. Needs `adminTlsKey`. Unset: the admin port speaks plain HTTP, whatever the public port does.",
  }),
  adminTlsKey: optional(files("/etc/holdfast/admin.key", "/etc/holdfast/other.key"), {
    example: ["/etc/holdfast/admin.key"],
    description: "As `tlsKey`, for `adminTlsCert`.",
  }),
  adminKey: optional(key, {
    example: "correct-horse-battery-staple",
    secret: "value",
    description:
      "What a request to the admin API must present as `Authorization: Bearer`, 16 characters or more.",
  }),
  adminReadKey: optional(key, {
    example: "only-to-look-at-things",
    secret: "value",
    description:
      "A second key for the admin port, for requests and sessions of the dashboard that change nothing, 16 characters or more. Needs `adminKey`.",
  }),
  adminMaxConnections: setting(integer(8, 10_000), {
    default: 256,
    example: 64,
    description:
      "Connections that the admin port holds. Beyond it the one that has waited longest without a whole request makes way; where all are being answered, the new one is closed.",
  }),
  anonymous: setting(yesNo(), {
    default: false,
    example: true,
    description:
      "Accept clients without a token: on an address that other machines can reach, where there are no keys for tokens; beside clients with tokens, where there are, for what is `public`. On loopback without keys they are always accepted.",
  }),
  jwtSecret: optional(jwtSecret, {
    reload: true,
    example: "q3xSxVEXAMPLEr2Vd8b1Yk0uTz6mWcA9",
    secret: "value",
    description:
      "Shared secret of tokens that are signed with HMAC (HS256, HS384, HS512). With a key for tokens every channel is private unless something allows it.",
  }),
  jwtPublicKey: optional(publicKey(), {
    reload: true,
    example: '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}',
    description:
      "Public key of tokens that are signed with RSA, EC or Ed25519. Every channel is private then.",
  }),
  jwksUrl: optional(keySetUrl(), {
    reload: true,
    example: "https://issuer.example/.well-known/jwks.json",
    secret: "password",
    description:
      "Where the issuer of tokens publishes its keys. They are fetched again every 10 minutes, and when a token names one that is not known; while the issuer cannot be reached, those known stay good. Every channel is private then.",
  }),
  secret: optional(jwtSecret, {
    reload: true,
    example: "pT8vEXAMPLEs5c2WqLx0Hn6Zr9Ym3KdB",
    secret: "value",
    description:
      "The gateway's own secret, the same on all instances, 32 bytes or more. Goes into the keys of resume tokens, tickets and forwarded requests beside the secret in Redis, whose readers could forge them otherwise. Unset: `jwtSecret`, if there is one. Whoever changes it ends what was signed: sessions begin anew.",
  }),
  jwtAudience: optional(names(), {
    reload: true,
    example: ["holdfast"],
    description: "What a token's `aud` must have one of. Unset: any audience, also none.",
  }),
  jwtIssuer: optional(names(), {
    reload: true,
    example: ["https://issuer.example"],
    description: "What a token's `iss` must be one of. Unset: any issuer, also none.",
  }),
  jwtLeeway: setting(duration(0, 10 * MINUTE), {
    reload: true,
    default: "30s",
    example: "5s",
    description:
      "How far the clocks of issuer and gateway may be apart: a token is taken so long after its `exp`, and before its `nbf` and `iat`.",
  }),
  tokenInUrl: setting(yesNo(), {
    reload: true,
    default: false,
    example: true,
    description:
      "Take tokens from the URL, `?token=`, too. URLs end up in the logs of proxies: for tokens that are good for a short time only.",
  }),
  webhookConnectUrl: optional(webhookUrl(), {
    reload: true,
    example: "https://app.example/holdfast/connect",
    secret: "password",
    description:
      "Where the application is asked who a client is that brings no token the keys can check: by its cookie, or a token of the application's own. Every channel is private then. Needs `webhookSecret`.",
  }),
  webhookSubscribeUrl: optional(webhookUrl(), {
    reload: true,
    example: "https://app.example/holdfast/subscribe",
    secret: "password",
    description:
      "Where the application is asked whether a client may subscribe, where nothing else allows it. Every channel is private then. Needs `webhookSecret`.",
  }),
  webhookPublishUrl: optional(webhookUrl(), {
    reload: true,
    example: "https://app.example/holdfast/publish",
    secret: "password",
    description:
      "Where the application is asked whether a client may publish, where nothing else allows it. Needs `webhookSecret`.",
  }),
  webhookSecret: optional(webhookSecret, {
    reload: true,
    example: "Jb2wEXAMPLEk4t9uQmZr1Xc7Vn0LsPeH",
    secret: "value",
    description: "What the gateway signs its questions with, so that the application knows who asks.",
  }),
  webhookHeaders: setting(headerNames(), {
    reload: true,
    default: ["cookie", "authorization"],
    example: ["cookie", "x-forwarded-for"],
    description:
      "Headers of a client's request that the application is shown when it is asked who connects, 8192 characters together.",
  }),
  webhookTimeout: setting(duration(100, 8 * SECOND), {
    reload: true,
    default: "3s",
    example: "1s",
    description:
      "How long the application may take to answer, time in the queue included. Then the client is told to try later: no client is let in without an answer.",
  }),
  webhookConcurrency: setting(integer(1, 1000), {
    reload: true,
    default: 32,
    example: 8,
    description:
      "Questions that each worker asks at once, and connections that it may have to the application.",
  }),
  webhookQueue: setting(integer(1, 65_536), {
    reload: true,
    default: 1024,
    example: 128,
    description:
      "Questions of each worker that may wait for that; more are answered with `try_later` at once.",
  }),
  refreshWindow: setting(duration(0, 10 * MINUTE), {
    reload: true,
    default: formatDuration(CORE_DEFAULTS.refreshWindowMs),
    example: "1m",
    description:
      "How long before a token ends its client is asked for a new one. `0ms`: not at all; then it is only disconnected.",
  }),
  origins: optional(origins(), {
    reload: true,
    example: ["https://app.example", "https://*.example.com", "http://localhost:3000"],
    description:
      "Origins that browsers may connect from. `https://*.example.com` admits all names below `example.com`, of one label or more, but not `example.com` itself; `*` admits all. Unset: only pages of the gateway's own host and, where `host` is loopback, pages of localhost on any port. Clients that send no Origin are not browsers and pass.",
  }),
  maxConnections: setting(integerOrAuto(1, 10_000_000), {
    default: "auto",
    defaultMeans: "from the open-files limit and the number of workers",
    example: 200_000,
    description:
      "Open connections of the instance; further ones get 503 with Retry-After. `auto` is what the open-files limit of the workers carries, at most 1,000,000.",
  }),
  connectionRate: setting(integerOrOff(1, 1_000_000), {
    default: "off",
    example: 5000,
    description:
      "Connections that the instance opens per second on average, twice that at once; further ones get 503 with Retry-After.",
  }),
  connectionsPerAddress: setting(integerOrOff(1, 1_000_000), {
    default: "off",
    example: 100,
    description:
      "Connections that one client address may hold. Behind a load balancer set `proxyProtocol` or `trustedProxies` too, or all clients share its address.",
  }),
  connectionRatePerAddress: setting(integerOrOff(1, 100_000), {
    default: "off",
    example: 20,
    description: "Connections that one client address may open per second on average, twice that at once.",
  }),
  sessionRatePerConnection: setting(integer(1, 100_000), {
    reload: true,
    default: 20,
    example: 5,
    description:
      "Sessions (`/poll`, `/sse`) and tickets that one HTTP connection may open per second on average, twice that at once; one with many channels counts as one more for each 32. Further ones get 503 with Retry-After. Connections of `trustedProxies` carry many clients and have no such limit.",
  }),
  sessionRatePerAddress: setting(integerOrOff(1, 1_000_000), {
    reload: true,
    default: 500,
    example: 20,
    description:
      "The same for one client address, over all its connections to a worker. Behind a load balancer set `trustedProxies` too, or all clients share its address; with `proxyProtocol` addresses of requests are not known, and this is off.",
  }),
  proxyProtocol: setting(yesNo(), {
    default: false,
    example: true,
    description:
      "Connections begin with a PROXY protocol header, version 1 or 2, as AWS network load balancers and HAProxy send it. Without `trustedProxies` every peer is believed: let only the load balancer reach the port.",
  }),
  trustedProxies: optional(proxies(), {
    example: ["10.0.0.0/8"],
    description:
      "Addresses and networks of proxies that may say for whom they speak, by X-Forwarded-For, also as `address:port` and `[v6]:port`, or a PROXY header. An entry that is no address counts as the proxy that wrote it; what others say is ignored.",
  }),
  maxChannels: setting(integer(1, 100_000), {
    reload: true,
    default: CORE_DEFAULTS.maxChannels,
    example: 32,
    description: "Channels that one connection may hold.",
  }),
  commandRate: setting(integer(1, 100_000), {
    reload: true,
    default: CORE_DEFAULTS.commandRate,
    example: 20,
    description: "Commands a second that one connection may send on average; twice that at once.",
  }),
  connectTimeout: setting(duration(100, 5 * MINUTE), {
    reload: true,
    default: formatDuration(CORE_DEFAULTS.connectTimeoutMs),
    example: "5s",
    description: "How long a connection may stay without `connect` before it is closed as stale.",
  }),
  pingInterval: setting(duration(1 * SECOND, 1 * HOUR), {
    reload: true,
    default: formatDuration(CORE_DEFAULTS.pingIntervalMs),
    example: "50s",
    description:
      "Silence after which a connection is pinged. Keep it under half of the load balancer's idle timeout (AWS: 60s).",
  }),
  pongTimeout: setting(duration(100, 10 * MINUTE), {
    reload: true,
    default: formatDuration(CORE_DEFAULTS.pongTimeoutMs),
    example: "5s",
    description: "Silence after a ping that ends the connection. Shorter than `pingInterval`.",
  }),
  pollHold: setting(duration(1 * SECOND, 10 * MINUTE), {
    reload: true,
    default: "25s",
    example: "50s",
    description:
      "How long a long-poll without news is held before it is answered with nothing. Keep it under the load balancer's idle timeout (AWS: 60s).",
  }),
  pollGrace: setting(duration(1 * SECOND, 10 * MINUTE), {
    reload: true,
    default: "10s",
    example: "20s",
    description: "How long a long-poll session may be without a poll before it counts as a lost connection.",
  }),
  streamSilence: setting(durationOrOff(10 * SECOND, 24 * HOUR), {
    reload: true,
    default: "10m",
    example: "5m",
    description:
      "How long an event stream goes on without a proof that its client is there: a command by `/send`, or bytes that had to wait for it. Then it ends with a `retry:`, and a client that is there comes back with its last id. `off`: only the kernel ends it.",
  }),
  gcInterval: setting(durationOrOff(1 * SECOND, 1 * HOUR), {
    reload: true,
    default: "30s",
    example: "off",
    description:
      "Time between forced garbage collections of a worker; workers take turns, one that stays busy is left to V8, and one with little garbage is left out. `off` leaves it to V8. A collection costs about 2 µs per connection held.",
  }),
  drainDelay: setting(duration(0, 1 * HOUR), {
    reload: true,
    default: "0s",
    example: "30s",
    description:
      "How long a stop or drain serves on after `/healthz` and `/readyz` have begun to fail, so that load balancers stop sending before connections are refused: health check interval × unhealthy threshold, plus some seconds (AWS's defaults: `70s`). The default is for programs that nothing is in front of.",
  }),
  drainWindow: setting(duration(0, 1 * HOUR), {
    reload: true,
    default: "10s",
    example: "2m",
    description:
      "Over how long a stop, a drain, and each worker of a reload spreads its goodbyes, so that the clients do not all come back at once.",
  }),
  drainRate: setting(integerOrAuto(1, 1_000_000), {
    reload: true,
    default: "auto",
    defaultMeans: "clients ÷ `drainWindow`",
    example: 2000,
    description:
      "Clients that a drain lets come back per second at most. All clients still leave within `drainWindow`: where that is too short for the rate, the later ones are told to stay away longer.",
  }),
  rebalance: setting(choice(["manual", "auto"]), {
    reload: true,
    default: "manual",
    example: "auto",
    description:
      "When an instance that carries more than its share of the cluster's clients sends some to other instances: on `holdfast rebalance` alone, or also by itself, once it has been over its share for `rebalancePatience`. Needs `redis`.",
  }),
  rebalancePatience: setting(duration(3 * SECOND, HOUR), {
    reload: true,
    default: "30s",
    example: "2m",
    description:
      "How long an instance is over its share before it sends clients away by itself. Clients that came within twice that time stay, and nothing is sent away for a third of it after instances have joined or left, or Redis was away.",
  }),
  rebalanceRate: setting(integer(1, 100), {
    reload: true,
    default: 10,
    example: 5,
    description:
      "Of each 1,000 clients of an instance, how many a rebalance sends away per second at most: 10 is 1 %.",
  }),
  rebalanceWeight: setting(integer(1, 1_000), {
    reload: true,
    default: 1,
    example: 2,
    description:
      "The share of this instance against the others', as the load balancer is told it: an instance with `2` carries twice what one with `1` carries. No share is above `maxConnections`.",
  }),
  historySize: setting(historySize, {
    reload: true,
    default: CORE_DEFAULTS.historySize,
    example: 100,
    description:
      "Publications that each channel's history keeps, so that clients that come back get what they missed. `0`: no history, where a namespace does not say otherwise.",
  }),
  historyTtl: setting(historyTtl, {
    reload: true,
    default: formatDuration(CORE_DEFAULTS.historyTtlMs),
    example: "1h",
    description: "For how long a channel's history keeps a publication.",
  }),
  resumeWindow: setting(duration(0, 10 * MINUTE), {
    reload: true,
    default: formatDuration(CORE_DEFAULTS.resumeWindowMs),
    example: "2m",
    description:
      "How long a session whose connection was lost keeps its channels with history open on its worker, so that coming back costs no read. `0ms`: not at all; clients still recover from the history.",
  }),
  presenceLease: setting(duration(500, 5 * MINUTE), {
    reload: true,
    default: formatDuration(CORE_DEFAULTS.presenceLeaseMs),
    example: "30s",
    description:
      "How long members of a worker that is gone stay in presence. Each worker renews it three times in that time, by one command.",
  }),
  presenceGrace: setting(duration(0, 5 * MINUTE), {
    reload: true,
    default: formatDuration(CORE_DEFAULTS.presenceGraceMs),
    example: "20s",
    description:
      "How long a member whose connection was lost stays present, so that who comes back neither leaves nor joins. `0ms`: not at all.",
  }),
  maxJoinLeave: setting(integer(0, 2000), {
    reload: true,
    default: CORE_DEFAULTS.maxJoinLeave,
    example: 100,
    description:
      "Sessions in one channel above which joins and leaves are not told one by one, only how many there are.",
  }),
  maxRevocations: setting(integer(100, 1_000_000), {
    default: 100_000,
    example: 10_000,
    description:
      "Revocations of the cluster that are kept at once. Each worker holds all of them; beyond that further ones are refused.",
  }),
  revocationTtl: setting(duration(1 * MINUTE, 400 * 24 * HOUR), {
    default: formatDuration(CORE_DEFAULTS.revocationTtlMs),
    example: "720h",
    description:
      "For how long a revocation holds that names no end. Not shorter than your longest tokens are good: afterwards they are accepted again.",
  }),
  maxPayload: setting(size(256, 16 * MIB), {
    reload: true,
    default: formatSize(CORE_DEFAULTS.maxPayload),
    example: "16KiB",
    description: "Bytes of one message from a client.",
  }),
  compression: setting(choice(["off", "shared", "dedicated"]), {
    default: "off",
    example: "shared",
    description:
      "`shared`: offer WebSocket clients compression (permessage-deflate). Publications are compressed once for all their subscribers, and a connection takes no memory for it. `dedicated`: each connection compresses for itself and refers back to what it was sent before, which takes memory for each and a call of zlib for each delivery ([ADR 46](adr/0046-compression-on-both-engines.md)); the engine `ws` alone does it. With either, answers to polls are gzip where their client takes it.",
  }),
  compressMin: setting(compressMin, {
    reload: true,
    default: formatSize(CORE_DEFAULTS.compressMin),
    example: "1KiB",
    description:
      "Bytes from which a message of publications is compressed, with `compression`, where its namespace says nothing.",
  }),
  maxOutboxBytes: setting(size(4 * KIB, 256 * MIB), {
    reload: true,
    default: formatSize(CORE_DEFAULTS.maxOutboxBytes),
    example: "256KiB",
    description:
      "Bytes that may wait for one connection. Beyond it the client is slow, and its namespaces' `slowConsumer` says what happens.",
  }),
  maxOutboxMessages: setting(integer(16, 1_000_000), {
    reload: true,
    default: CORE_DEFAULTS.maxOutboxMessages,
    example: 1024,
    description: "Frames that may wait for one connection before its client is slow.",
  }),
  maxOutboxAge: setting(duration(1 * SECOND, 10 * MINUTE), {
    reload: true,
    default: formatDuration(CORE_DEFAULTS.maxOutboxAgeMs),
    example: "10s",
    description: "How long the oldest frame may wait for one connection before its client is slow.",
  }),
  maxPublicationBytes: setting(size(256, 8 * MIB), {
    default: formatSize(CORE_DEFAULTS.maxPublicationBytes),
    example: "64KiB",
    description: "Bytes of one publication, whether from a client, the admin API or Redis.",
  }),
  maxReadBytes: setting(size(1 * KIB, 4 * MIB), {
    reload: true,
    default: formatSize(CORE_DEFAULTS.maxReadBytes),
    example: "128KiB",
    description:
      "Bytes of publications in one page that is read from a channel's history, for a client or for recovery. One publication comes in any case; what is longer takes more pages.",
  }),
  publishBytesPerSecond: setting(size(1 * KIB, 256 * MIB), {
    reload: true,
    default: formatSize(CORE_DEFAULTS.publishBytesPerSecond),
    example: "64KiB",
    description:
      "Bytes a second that one connection may publish on average; twice that at once. Beyond it a publication is answered with `limit_rate`.",
  }),
  namespacePublishBytesPerSecond: setting(size(1 * KIB, 1024 * MIB), {
    reload: true,
    default: formatSize(CORE_DEFAULTS.namespacePublishBytesPerSecond),
    example: "1MiB",
    description:
      "Bytes a second that the clients of one worker may publish to one namespace together, on average; twice that at once. Namespaces without options share one such limit. A namespace's `publishBytesPerSecond` says it for that namespace.",
  }),
  events: setting(yesNo(), {
    reload: true,
    default: false,
    example: true,
    description:
      "Tell backends on the Redis stream `events` (with the prefix: `holdfast:events`) who connects and disconnects, and what clients `send`. Needs `redis`.",
  }),
  eventsMaxLength: setting(integer(1000, 100_000_000), {
    reload: true,
    default: 100_000,
    example: 1_000_000,
    description:
      "Events that the stream keeps, about: the oldest go first, read or not. One takes 150 to 300 bytes of Redis' memory, and a client's message what it is long.",
  }),
  eventsMaxBytes: setting(size(1 * MIB, 64 * 1024 * MIB), {
    reload: true,
    default: "256MiB",
    example: "1GiB",
    description:
      "Memory of Redis that the stream takes, about: beyond it the oldest events go, read or not, however few there are. Clients' messages are as long as `maxPayload`.",
  }),
  messageTimeout: setting(duration(100, 10 * MINUTE), {
    reload: true,
    default: "30s",
    example: "10s",
    description:
      "How long one WebSocket message or request body of a client may take, from its first byte to its last. Then the connection ends as `unfinished`; a request gets 408.",
  }),
  maxUnfinishedBytes: setting(size(1 * MIB, 16 * 1024 * MIB), {
    reload: true,
    default: "64MiB",
    example: "256MiB",
    description:
      "Bytes that each worker holds of messages and bodies whose rest has not come. Beyond it those that have waited longest are given up, as at `messageTimeout`.",
  }),
  headTimeout: setting(duration(100, 5 * MINUTE), {
    default: "10s",
    example: "5s",
    description: "How long a request's head may take to arrive.",
  }),
  writeTimeout: setting(duration(1 * SECOND, 10 * MINUTE), {
    default: "30s",
    example: "10s",
    description:
      "How long a client may take to read an HTTP answer, and a second more for each 16 KiB of it; then its connection is cut.",
  }),
  maxHeadBytes: setting(size(1 * KIB, 64 * KIB), {
    default: "32KiB",
    example: "8KiB",
    description: "Bytes of one request's head, cookies included.",
  }),
  maxPending: setting(integerOrAuto(16, 65_536), {
    default: "auto",
    defaultMeans: "from the open-files limit",
    example: 512,
    description:
      "Connections whose head is being read or that wait for a worker, at once. At three quarters of it the rest is left to the kernel's accept queue (`backlog`), and what that cannot hold tries again after 1, 3 and 7 seconds. Each is one file descriptor of the primary: `auto` is nine tenths of those, at most 32,768.",
  }),
  maxPendingBytes: setting(size(1 * MIB, 16 * 1024 * MIB), {
    default: "64MiB",
    example: "16MiB",
    description:
      "Bytes of the request heads of these connections together. Beyond it the oldest of the address whose heads have most bytes is sent away, with 503.",
  }),
  backlog: setting(integer(1, 65_535), {
    default: 4096,
    example: 65_535,
    description:
      "Length of the kernel's accept queue per port. net.core.somaxconn bounds it; a start warns when that is smaller.",
  }),
  logLevel: setting(choice(["debug", "info", "warn", "error", "silent"]), {
    default: "info",
    example: "warn",
    description: "Least severe level that is logged.",
  }),
  logFormat: setting(choice(["auto", "pretty", "json"]), {
    default: "auto",
    defaultMeans: "pretty on a terminal, JSON otherwise",
    example: "json",
    description: "How log lines look. `auto` is pretty on a terminal and one JSON object a line otherwise.",
  }),
  tracing: setting(choice(["off", "otel"]), {
    default: "off",
    example: "otel",
    description:
      "Where spans of traced publications go. `otel`: to the OpenTelemetry SDK that the process loads by `NODE_OPTIONS=--import …`; needs the package @opentelemetry/api. A publication's `traceparent` is carried either way.",
  }),
  namespaces: setting(namespaces(), {
    reload: true,
    default: { demo: { clientPublish: true, historySize: 100 } },
    example: {
      room: { clientPublish: true, historySize: 1000, historyTtl: "1h" },
      prices: { slowConsumer: "latest", conflateKey: "symbol" },
      "": { clientPublish: false },
    },
    description:
      "Options per namespace, the part of a channel's name before the colon; the empty name is that of channels without one. `public` opens its channels to every client where there are keys for tokens; `clientPublish` lets clients publish to open channels, which is otherwise forbidden; `commandRate` makes commands on its channels so much dearer that a connection can send that many a second; `publishBytesPerSecond` is how much the clients of one worker may publish to it together; `historySize` and `historyTtl` say what its channels keep, where it is not what the settings of these names say for all; `slowConsumer` is `disconnect` (the default), `drop` or `latest`, and `conflateKey` names the field of the data by which `latest` tells publications apart; `compressMin` is the size from which its messages are compressed.",
  }),
});

export type SettingKey = keyof typeof settings;

export const settingKeys: readonly SettingKey[] = Object.freeze(Object.keys(settings) as SettingKey[]);

type Schemas = { [Key in SettingKey]: (typeof settings)[Key]["schema"] };

/** All settings; unknown keys are refused. Decodes the written forms, durations to ms and sizes to bytes. */
export const settingsSchema = z.strictObject(
  Object.fromEntries(settingKeys.map((each) => [each, settings[each].schema])) as Schemas,
);

/** Durations in ms, sizes in bytes. */
export type Settings = Readonly<z.output<typeof settingsSchema>>;

/** The row of a key, for code that treats all settings alike. */
export function settingOf(key: SettingKey): Setting {
  return settings[key] as Setting;
}
