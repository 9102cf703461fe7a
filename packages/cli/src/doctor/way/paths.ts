/**
 * Plain requests through the public URL: health, long heads, what belongs to the admin port, and what shows a
 * proxy.
 *
 * Owns the requests. Invariant: none asks for anything that changes.
 */
import { type Fact, isKnown, known, mapped, type OutsideFacts, unknown, within } from "@holdfast/doctor";
import { WAY_THRESHOLDS } from "@holdfast/platform";
import { sentence } from "../../failure.js";
import { httpUrl, type WayOptions } from "./public-url.js";
import { requestOf, type WayAnswer } from "./request.js";

const ADMIN_PATHS = ["/metrics", "/api/connections", "/readyz"];
/** Headers that proxies and load balancers leave. */
const PROXY_HEADERS = ["via", "x-cache", "x-amz-cf-id", "cf-ray", "x-envoy-upstream-service-time", "server"];

type PathFacts = Pick<OutsideFacts, "health" | "adminPaths" | "longHead" | "proxy" | "clockSkewMs">;

export async function readPaths(
  { url }: Pick<WayOptions, "url">,
  now: () => number = () => Date.now(),
): Promise<PathFacts> {
  const ask = async (path: string, headers: Record<string, string> = {}): Promise<Fact<WayAnswer>> => {
    try {
      return known(await requestOf({ url: httpUrl(url, path), headers }));
    } catch (error) {
      return unknown(`${path} is not answered (${sentence(error)})`);
    }
  };
  const asked = now();
  const health = await ask("/healthz");
  const [long, ...admin] = await Promise.all([
    ask("/healthz", { Cookie: `doctor=${"x".repeat(WAY_THRESHOLDS.headBytes.value)}` }),
    ...ADMIN_PATHS.map((path) => ask(path)),
  ]);
  return {
    health: mapped(health, ({ status }) => status),
    adminPaths: answered(admin),
    // A proxy that cuts the connection instead of answering refuses, too.
    longHead: isKnown(health) && !isKnown(long) ? known(400) : mapped(long, ({ status }) => status),
    proxy: mapped(health, proxyOf),
    clockSkewMs: within(health, ({ headers }) => skewOf(headers.date, asked)),
  };
}

/** The gateway itself says 404, a load balancer may say 403. */
function answered(answers: readonly Fact<WayAnswer>[]): Fact<readonly string[]> {
  const paths: string[] = [];
  for (const [n, answer] of answers.entries()) {
    if (!isKnown(answer)) return answer;
    const { status } = answer.value;
    // 401 is the admin port's own, with a key.
    if ((status >= 200 && status < 300) || status === 401 || status === 503) paths.push(ADMIN_PATHS[n] ?? "");
  }
  return known(paths);
}

function proxyOf({ headers }: WayAnswer): string | undefined {
  const name = PROXY_HEADERS.find((each) => headers[each] !== undefined);
  return name === undefined ? undefined : `${name}: ${String(headers[name]).slice(0, 60)}`;
}

/** `Date` has whole seconds: half of one is added. */
function skewOf(date: string | undefined, asked: number): Fact<number> {
  const theirs = Date.parse(date ?? "");
  return Number.isNaN(theirs) ? unknown("answers have no Date") : known(theirs + 500 - asked);
}
