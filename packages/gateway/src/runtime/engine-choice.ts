/**
 * The choice of the WebSocket engine: which one a worker runs, and why.
 *
 * `lean` writes and reads the bare TCP handle, which Node.js does not document; `ws` takes the package of
 * that name on an ordinary socket, and is alone in keeping context for compression. Pure but for the probe.
 * Invariant: `auto` finds an engine on every Node.js, also on one that nothing is known of.
 */
import { handleIoProblem } from "./handle-io.js";

/** The engines: our receiver on the bare handle, and the `ws` package on an ordinary socket. */
export type EngineName = "lean" | "ws";
export type EngineSetting = EngineName | "auto";

export interface EngineChoice {
  readonly engine: EngineName;
  /** A clause that follows the name. */
  readonly why: string;
}

/** Major versions of Node.js that the tests run on. */
const TESTED_MAJORS: readonly number[] = [20, 22, 24, 26];

/** What the choice depends on, beside the Node.js. */
export interface EngineWish {
  readonly engine: EngineSetting;
  readonly compression: "off" | "shared" | "dedicated";
  /** Certificates of the public port, which speaks TLS then: no bare handle is left to read. */
  readonly tlsCert?: readonly string[] | undefined;
}

/** Why the settings cannot be had together; undefined where they can. */
export function engineProblem({ engine, compression }: Partial<EngineWish>): string | undefined {
  if (compression !== "dedicated" || engine !== "lean") return undefined;
  return "dedicated needs the engine ws, which keeps a window for each connection: set engine to ws or auto, or take shared";
}

/**
 * `nodeVersion`: as `process.versions.node`. `probe` says what keeps `lean` from working in this process, if
 * anything does.
 */
export function chooseEngine(
  { engine, compression, tlsCert }: EngineWish,
  nodeVersion: string,
  probe: () => string | undefined = handleIoProblem,
): EngineChoice {
  if (engine !== "auto") return { engine, why: "the setting `engine` says so" };
  if (compression === "dedicated")
    return { engine: "ws", why: "`compression` is dedicated, which lean cannot do" };
  if (tlsCert !== undefined) return { engine: "ws", why: "lean reads no TLS, which `tlsCert` asks for" };
  if (!TESTED_MAJORS.includes(Number.parseInt(nodeVersion, 10))) {
    const tested = TESTED_MAJORS.join(", ");
    return {
      engine: "ws",
      why: `Node.js ${nodeVersion} is none of those that lean was tested on (${tested})`,
    };
  }
  const problem = probe();
  if (problem !== undefined) return { engine: "ws", why: problem };
  return { engine: "lean", why: `lean was tested on Node.js ${Number.parseInt(nodeVersion, 10)}` };
}
