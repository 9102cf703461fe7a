/**
 * Routes: which page the hash of the URL names, with what. `#/why?user=ada&channel=news`.
 *
 * Pure. Invariant: whatever the hash is, it names a page.
 */

export const PAGES = Object.freeze([
  "overview",
  "workers",
  "channels",
  "connections",
  "why",
  "events",
  "settings",
  "drain",
] as const);

export type PageName = (typeof PAGES)[number];

export const TITLES: Readonly<Record<PageName, string>> = Object.freeze({
  overview: "Overview",
  workers: "Workers",
  channels: "Channels",
  connections: "Connections",
  why: "Why did this client not get it",
  events: "Events",
  settings: "Settings",
  drain: "Drain and reload",
});

export interface Route {
  readonly page: PageName;
  readonly params: Readonly<Record<string, string>>;
}

export function routeOf(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const page = PAGES.find((each) => each === path) ?? "overview";
  return { page, params: Object.fromEntries(new URLSearchParams(query)) };
}

/** Parameters that are empty are left out. */
export function hashOf(page: PageName, params: Readonly<Record<string, string | undefined>> = {}): string {
  const query = queryText(params);
  return `#/${page}${query === "" ? "" : `?${query}`}`;
}

/** `user=ada&channel=news`, without those that are empty. */
export function queryText(params: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(params).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [[name, value]],
  );
  return new URLSearchParams(given).toString();
}

/** What a form names a client by. */
export function clientParam(text: string, kind: string): Readonly<Record<string, string>> {
  if (kind === "address") return { address: text };
  return kind === "session" ? { session: text } : { user: text };
}
