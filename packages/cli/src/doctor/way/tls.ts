/**
 * TLS of the public URL: whether the chain is trusted, its version, how long the certificate is good.
 */
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { type Fact, known, type TlsFacts, unknown } from "@holdfast/doctor";
import { sentence } from "../../failure.js";
import { TIMEOUT_MS } from "./request.js";

const DAY_MS = 86_400_000;

/** `now`: ms since 1970. */
export function readTls(url: URL, now: () => number = () => Date.now()): Promise<Fact<TlsFacts>> {
  if (url.protocol !== "wss:") return Promise.resolve(unknown("the URL is ws://, without TLS"));
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const name = isIP(host) === 0 ? { servername: host } : {};
  return new Promise((resolve) => {
    // The chain is judged below: a wrong one has facts, too.
    const socket = connect({ host, port: Number(url.port || 443), rejectUnauthorized: false, ...name });
    const settle = (fact: Fact<TlsFacts>): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(fact);
    };
    const timer = setTimeout(() => settle(unknown(`no TLS within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
    socket.once("secureConnect", () => settle(known(factsOf(socket, now()))));
    socket.on("error", (error) => settle(unknown(`TLS failed (${sentence(error)})`)));
  });
}

function factsOf(socket: TLSSocket, now: number): TlsFacts {
  const { valid_to: end } = socket.getPeerCertificate();
  const problem = socket.authorized ? undefined : sentence(socket.authorizationError);
  return {
    problem,
    protocol: socket.getProtocol() ?? "unknown",
    daysLeft: Math.floor((Date.parse(end) - now) / DAY_MS),
  };
}
