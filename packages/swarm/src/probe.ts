/**
 * One ordinary handshake with each target port before the run, so that a gateway that is away or refuses is one
 * sentence instead of a million failures.
 */
import { connect } from "node:net";
import { handshakeRequest, readAnswer } from "./agent/handshake.js";
import { channelsQuery } from "./channels.js";
import { SwarmProblem } from "./problem.js";
import type { Target } from "./target.js";

const TIMEOUT_MS = 10_000;

/** Rejects with a `SwarmProblem` at the first port that does not accept. */
export async function probe(target: Target, channels: string): Promise<void> {
  for (const port of target.ports) await probePort(target, port, channels);
}

async function probePort({ host, path }: Target, port: number, channels: string): Promise<void> {
  const where = `ws://${host}:${port}${path}`;
  const why = await new Promise<string | undefined>((resolve) => {
    const socket = connect({ host, port });
    let text = "";
    const end = (reason: string | undefined): void => {
      socket.resetAndDestroy();
      resolve(reason);
    };
    socket.setTimeout(TIMEOUT_MS, () => end(`no answer in ${TIMEOUT_MS / 1000} s`));
    socket.once("connect", () =>
      socket.write(handshakeRequest(host, port, `${path}?channels=${channelsQuery(channels, 0)}`)),
    );
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      const answer = readAnswer(text);
      if (answer.is === "accepted") end(undefined);
      else if (answer.is === "refused") end(`${answer.why} ${messageOf(text)}`.trimEnd());
    });
    socket.once("end", () => end("it closed the connection"));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      end(error.code === "ECONNREFUSED" ? "nothing listens there" : error.message),
    );
  });
  if (why === undefined) return;
  throw new SwarmProblem(
    "failed",
    `no gateway that accepts connections at ${where}: ${why}. Start one with \`holdfast start --port …\`, or name it with --target`,
  );
}

/** The sentence in a refusal's body, if it is there already. */
function messageOf(answer: string): string {
  return /"message":"([^"]{1,200})"/.exec(answer)?.[1] ?? "";
}
