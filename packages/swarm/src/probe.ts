/**
 * One ordinary request to each target port before the run, so that a gateway that is away or refuses is one
 * sentence instead of a million failures.
 */
import { connect } from "node:net";
import { readAnswer } from "./agent/handshake.js";
import { readHttpHead } from "./agent/http-answer.js";
import { firstRequest } from "./agent/wires.js";
import { channelsQuery } from "./channels.js";
import { SwarmProblem } from "./problem.js";
import type { Target } from "./target.js";
import { type TokenSource, tokenOf } from "./tokens.js";
import type { RunTransport } from "./transport.js";

const TIMEOUT_MS = 10_000;

/** Rejects with a `SwarmProblem` at the first port that does not accept. */
export async function probe(
  target: Target,
  transport: RunTransport,
  channels: string,
  tokens: TokenSource,
): Promise<void> {
  const token = tokenOf(tokens, channels, 0);
  for (const port of target.ports) await probePort(target, port, transport, channels, token);
}

async function probePort(
  { host, path }: Target,
  port: number,
  transport: RunTransport,
  pattern: string,
  token: string | undefined,
): Promise<void> {
  const channels = channelsQuery(pattern, 0);
  const where = `${transport === "websocket" ? "ws" : "http"}://${host}:${port}${path}`;
  const why = await new Promise<string | undefined>((resolve) => {
    const socket = connect({ host, port });
    let text = "";
    const end = (reason: string | undefined): void => {
      socket.resetAndDestroy();
      resolve(reason);
    };
    socket.setTimeout(TIMEOUT_MS, () => end(`no answer in ${TIMEOUT_MS / 1000} s`));
    socket.once("connect", () =>
      socket.write(firstRequest(transport, { host, port, path, channels, token })),
    );
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      const answer = answerOf(transport, text);
      if (answer === "accepted") end(undefined);
      else if (answer !== "unfinished") end(`${answer.why} ${messageOf(text)}`.trimEnd());
    });
    socket.once("end", () => end("it closed the connection"));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      end(error.code === "ECONNREFUSED" ? "nothing listens there" : error.message),
    );
  });
  if (why === undefined) return;
  const help = /^HTTP 40[13]/.test(why)
    ? "Name a token with --token, or sign one for each connection with --jwt-secret"
    : "Start one with `holdfast start --port …`, or name it with --url";
  throw new SwarmProblem("failed", `no gateway that accepts connections at ${where}: ${why}. ${help}`);
}

function answerOf(
  transport: RunTransport,
  text: string,
): "accepted" | "unfinished" | { readonly why: string } {
  if (transport === "websocket") {
    const answer = readAnswer(text);
    return answer.is === "refused" ? answer : answer.is;
  }
  const head = readHttpHead(text);
  if (head.is === "malformed") return head;
  if (head.is === "unfinished") return head.is;
  return head.status === 200 ? "accepted" : { why: `HTTP ${head.status}` };
}

/** The sentence in a refusal's body, if it is there already. */
function messageOf(answer: string): string {
  return /"message":"([^"]{1,200})"/.exec(answer)?.[1] ?? "";
}
