/**
 * The frame of the dashboard: navigation, the state line, and the page that the route names.
 *
 * Owns the watch over the overview. Pages pull what else they show.
 */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { AdminClient } from "../api/admin-client.js";
import { OverviewWatch, type Sample, type Watched } from "../api/overview-watch.js";
import { hashOf, PAGES, type Route, routeOf, TITLES } from "../data/route.js";
import { Channels } from "./channels.js";
import { Connections } from "./connections.js";
import { Drain } from "./drain.js";
import { Events } from "./events.js";
import { Overview } from "./overview.js";
import { Reload } from "./reload.js";
import { Settings } from "./settings.js";
import { SignIn } from "./sign-in.js";
import { StateLine } from "./state-line.js";
import { Why } from "./why.js";
import { Workers } from "./workers.js";

export function App({ client }: { readonly client: AdminClient }): JSX.Element {
  const route = useRoute();
  const { watched, watch } = useWatch(client);
  const main = useRef<HTMLElement>(null);
  const { page } = route;
  useEffect(() => {
    document.title = `${TITLES[page]} – Holdfast`;
  }, [page]);
  const signOut = (): void => {
    // Whatever is answered: without a session the next request shows the sign-in.
    client.post("/api/logout", "{}").finally(() => location.reload());
  };
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <header>
        <strong>Holdfast</strong>
        <nav aria-label="Pages">
          <ul>
            {PAGES.map((each) => (
              <li key={each}>
                <a href={hashOf(each)} aria-current={each === page ? "page" : undefined}>
                  {each === "why" ? "Why" : TITLES[each]}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        {watched.kind !== "signed-out" && (
          <button type="button" class="out" onClick={signOut}>
            Sign out
          </button>
        )}
      </header>
      <main ref={main} id="main" tabIndex={-1}>
        <h1>{watched.kind === "signed-out" ? "Sign in" : TITLES[page]}</h1>
        {watched.kind === "signed-out" ? (
          <SignIn client={client} done={() => watch.wake(true)} />
        ) : (
          <>
            <StateLine watched={watched} />
            <Shown route={route} client={client} sample={sampleOf(watched)} watch={watch} />
          </>
        )}
      </main>
    </>
  );
}

interface ShownProps {
  readonly route: Route;
  readonly client: AdminClient;
  readonly sample: Sample | undefined;
  readonly watch: OverviewWatch;
}

function Shown({ route, client, sample, watch }: ShownProps): JSX.Element | null {
  // Where the parameters change the page begins anew with them.
  const key = JSON.stringify(route);
  switch (route.page) {
    case "overview":
      return sample === undefined ? null : (
        <Overview sample={sample} hour={watch.hour} before={watch.latenciesBefore} />
      );
    case "workers":
      return sample === undefined ? null : <Workers sample={sample} />;
    case "channels":
      return <Channels key={key} client={client} params={route.params} />;
    case "connections":
      return <Connections key={key} client={client} params={route.params} />;
    case "why":
      return <Why key={key} client={client} params={route.params} />;
    case "events":
      return <Events client={client} />;
    case "settings":
      return <Settings client={client} />;
    case "drain":
      return sample === undefined ? null : (
        <>
          <h2>Reload</h2>
          <Reload client={client} at={sample.overview.at} />
          <h2>Drain</h2>
          <Drain client={client} drain={sample.overview.drain} />
        </>
      );
  }
}

function sampleOf(watched: Watched): Sample | undefined {
  return watched.kind === "live" || watched.kind === "away" ? watched.sample : undefined;
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const changed = (): void => setRoute(routeOf(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}

function useWatch(client: AdminClient): { readonly watched: Watched; readonly watch: OverviewWatch } {
  const [watched, tell] = useState<Watched>({ kind: "waiting" });
  const [watch] = useState(() => {
    const page = {
      isVisible: () => document.visibilityState === "visible",
      later: (run: () => void, ms: number) => void setTimeout(run, ms),
    };
    return new OverviewWatch(client, page, tell);
  });
  useEffect(() => {
    const shown = (): void => watch.wake();
    watch.wake();
    document.addEventListener("visibilitychange", shown);
    return () => document.removeEventListener("visibilitychange", shown);
  }, [watch]);
  return { watched, watch };
}
