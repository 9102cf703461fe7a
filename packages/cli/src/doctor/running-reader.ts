/**
 * What a running gateway says at its admin port: readiness and a few of its metrics.
 *
 * Owns the requests, with their deadline and their limit in bytes. Invariant: a gateway that is not there is
 * unknown, not broken.
 */
import { type Fact, known, type RunningFacts, type TakenFor, unknown } from "@holdfast/doctor";
import type { CompleteSettings } from "../config/complete.js";
import { systemCode } from "../failure.js";
import { urlHost } from "../output/url-host.js";

const TIMEOUT_MS = 5000;
/** An instance with 256 workers says about 1 MiB. */
const MAX_BYTES = 16 * 1024 * 1024;

type AdminSettings = Pick<CompleteSettings, "adminHost" | "adminPort" | "adminKey" | "adminTlsCert">;

/** Undefined where the port is not known. */
function adminUrl({ adminHost, adminPort, adminTlsCert }: AdminSettings): string | undefined {
  const scheme = adminTlsCert === undefined ? "http" : "https";
  return adminPort === 0 ? undefined : `${scheme}://${urlHost(adminHost)}:${adminPort}`;
}

/** Whom the gateway took the probe for that has this name. */
export async function readSeen(settings: AdminSettings, name: string): Promise<Fact<TakenFor>> {
  const url = adminUrl(settings);
  if (url === undefined) return unknown("adminPort is 0: where the gateway listens is not known here");
  const answer = await answerOf(`${url}/api/probe?name=${name}`, settings.adminKey);
  if ("problem" in answer) return unknown(`no gateway is asked at ${url}: ${answer.problem}`);
  if (answer.status !== 200) return unknown(`${url}/api/probe is answered with ${answer.status}`);
  try {
    const { seen } = JSON.parse(answer.text) as { readonly seen?: TakenFor };
    return seen === undefined
      ? unknown(`a request through the public URL does not come to the gateway of ${url}`)
      : known({ ...seen, address: seen.address });
  } catch {
    return unknown(`${url} is no gateway's admin port`);
  }
}

export async function readRunning(settings: AdminSettings): Promise<Fact<RunningFacts>> {
  const url = adminUrl(settings);
  if (url === undefined) return unknown("adminPort is 0: where the gateway listens is not known here");
  const ready = await answerOf(`${url}/readyz`, undefined);
  if ("problem" in ready) return unknown(`no gateway is asked at ${url}: ${ready.problem}`);
  if (ready.status !== 200 && ready.status !== 503) return unknown(`${url} is no gateway's admin port`);
  const metrics = await answerOf(`${url}/metrics`, settings.adminKey);
  const numbers = "problem" in metrics || metrics.status !== 200 ? undefined : metrics.text;
  const told = (name: string): Fact<number> =>
    numbers === undefined
      ? unknown(`${url}/metrics is not to be had: is adminKey that of the gateway?`)
      : sumOf(numbers, name);
  return known({
    url,
    notReady: ready.status === 200 ? [] : ready.text.split("\n").filter((line) => line !== ""),
    connections: told("holdfast_connections"),
    connectionsLimit: told("holdfast_connections_limit"),
    workers: told("holdfast_workers"),
    workerRestarts: told("holdfast_worker_restarts_total"),
  });
}

type Answer = { readonly status: number; readonly text: string } | { readonly problem: string };

async function answerOf(url: string, key: string | undefined): Promise<Answer> {
  try {
    const response = await fetch(url, {
      headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) return { problem: `it answers with more than ${MAX_BYTES} bytes` };
      chunks.push(chunk);
    }
    return { status: response.status, text: Buffer.concat(chunks).toString() };
  } catch (error) {
    const { name, cause } = error as { name?: unknown; cause?: unknown };
    if (name === "TimeoutError") return { problem: `no answer within ${TIMEOUT_MS / 1000} s` };
    const code = systemCode(cause);
    return { problem: code === "ECONNREFUSED" ? "nothing listens there" : (code ?? String(error)) };
  }
}

/** All samples of a metric together. */
function sumOf(text: string, name: string): Fact<number> {
  const samples = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, "gm"))];
  if (samples.length === 0) return unknown(`the gateway has no metric ${name}`);
  return known(samples.reduce((sum, [, value]) => sum + Number(value), 0));
}
