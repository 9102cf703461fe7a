/**
 * The way from outside: facts of the public URL, each seen through it.
 *
 * Owns the order of what is tried. Invariant: each trial has a deadline and leaves no connection behind; one
 * that fails says why and stops no other.
 */
import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import { type Fact, known, type OutsideFacts, unknown } from "@holdfast/doctor";
import { isLoopback } from "@holdfast/gateway/checks";
import { sentence } from "../../failure.js";
import { readPaths } from "./paths.js";
import { readProbe } from "./probe.js";
import type { WayOptions } from "./public-url.js";
import { readSession } from "./session.js";
import { readStream } from "./stream.js";
import { readTls } from "./tls.js";
import { readUpgrades } from "./upgrades.js";

export async function readWay(options: WayOptions): Promise<OutsideFacts> {
  const { url, onProgress } = options;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = await addressesOf(host);
  const base = {
    url: url.href,
    isSecure: url.protocol === "wss:",
    isLocal: isOwn(host, addresses),
    addresses,
  };
  if (!("value" in addresses)) return { ...base, ...nothing(addresses.unknown) };
  onProgress("looking at TLS");
  const tls = await readTls(url);
  onProgress("asking through the public URL");
  const [paths, upgrades, stream] = await Promise.all([
    readPaths(options),
    readUpgrades(options),
    readStream(options),
  ]);
  const probe = await readProbe(url, options.askSeen);
  const session = await readSession(options);
  const proxy = base.isSecure ? known("TLS, which the gateway does not speak") : paths.proxy;
  return { ...base, tls, ...paths, ...upgrades, stream, probe, ...session, proxy };
}

async function addressesOf(host: string): Promise<Fact<readonly string[]>> {
  try {
    return known((await lookup(host, { all: true })).map(({ address }) => address));
  } catch (error) {
    return unknown(`the name ${host} is not known (${sentence(error)})`);
  }
}

function isOwn(host: string, addresses: Fact<readonly string[]>): boolean {
  const own = Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []);
  const all = "value" in addresses ? addresses.value : [];
  return isLoopback(host) || (all.length > 0 && all.every((each) => own.includes(each)));
}

function nothing(why: string): Omit<OutsideFacts, "url" | "isSecure" | "isLocal" | "addresses"> {
  const none = unknown(why);
  return {
    ...{ tls: none, health: none, upgrade: none, subprotocol: none, connect: none, idle: none, stream: none },
    ...{ foreignOrigin: none, adminPaths: none, longHead: none, proxy: none, probe: none, clockSkewMs: none },
  };
}
