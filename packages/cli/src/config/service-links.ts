/**
 * Service links: variables that Kubernetes (and `docker run --link`) puts into every container of a namespace
 * for each Service there. Those of a Service named `holdfast`, or `holdfast-…`, look like settings.
 *
 *   HOLDFAST_SERVICE_HOST=10.0.0.11          HOLDFAST_SERVICE_PORT=80      HOLDFAST_SERVICE_PORT_WS=80
 *   HOLDFAST_PORT=tcp://10.0.0.11:80         HOLDFAST_PORT_80_TCP=tcp://10.0.0.11:80
 *   HOLDFAST_PORT_80_TCP_PROTO=tcp           HOLDFAST_PORT_80_TCP_PORT=80
 *   HOLDFAST_PORT_80_TCP_ADDR=10.0.0.11
 *   HOLDFAST_PORT_80_TCP_START=tcp://…:80     HOLDFAST_PORT_80_TCP_END=tcp://…:81
 *   HOLDFAST_NAME=/web/holdfast              HOLDFAST_ENV_PATH=/bin        (of `docker run --link` alone)
 *
 * Invariant: a name that is a setting's is a link only by a value that the setting could never have.
 */
const URL = /^(?:tcp|udp|sctp):\/\/\S+:\d{1,5}$/;
const BY_NAME =
  /^HOLDFAST(?:_[A-Z0-9_]+)?_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR|START|END))?|ENV_\w+)$/;
const BY_VALUE = /^HOLDFAST(?:_[A-Z0-9_]+)?_PORT$/;
const DOCKER_NAME = /^HOLDFAST(?:_[A-Z0-9_]+)?_NAME$/;

export function isServiceLink(name: string, value: string | undefined): boolean {
  if (BY_NAME.test(name)) return true;
  if (BY_VALUE.test(name)) return URL.test(value ?? "");
  return DOCKER_NAME.test(name) && /^\/\S+\/\S+$/.test(value ?? "");
}

/** The names that are, and the environment without them. */
export function withoutServiceLinks(env: Readonly<Record<string, string | undefined>>): {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly links: readonly string[];
} {
  const links = Object.keys(env).filter((name) => isServiceLink(name, env[name]));
  if (links.length === 0) return { env, links };
  return { env: Object.fromEntries(Object.entries(env).filter(([name]) => !links.includes(name))), links };
}

/** One sentence about all of them. */
export function linkWarnings(links: readonly string[]): string[] {
  const [first, ...others] = links;
  if (first === undefined) return [];
  const more = others.length === 0 ? " is a service link" : ` and ${others.length} more are service links`;
  return [
    `${first}${more} of Kubernetes, not settings: ignored; ` +
      "`enableServiceLinks: false` in the pod's specification keeps them out",
  ];
}
