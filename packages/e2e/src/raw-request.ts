/**
 * One HTTP exchange on a bare socket, written in whatever pieces a test wants; reads until the server ends
 * it.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { within } from "./deadline.js";

export interface RawAnswer {
  /** 0 when the connection ended without an answer. */
  readonly status: number;
  readonly head: string;
  readonly body: string;
  /** From the first byte sent to the end, ms. */
  readonly durationMs: number;
}

/** Each piece is sent as a segment of its own. */
export async function rawRequest(url: string, ...pieces: readonly (string | Buffer)[]): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.setNoDelay(true);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => {
    socket.once("end", () => socket.end());
    socket.once("close", () => resolve());
  });
  await within(once(socket, "connect"), `a TCP connection to ${url}`);
  const started = performance.now();
  for (const piece of pieces) {
    if (!socket.writable) break;
    await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
    // Without a turn of the loop in between, the kernel joins the pieces.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await within(closed, `the end of a connection to ${url}`, 30_000);
  const durationMs = performance.now() - started;
  const text = Buffer.concat(chunks).toString();
  const [head = "", ...body] = text.split("\r\n\r\n");
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0),
    head,
    body: body.join("\r\n\r\n"),
    durationMs,
  };
}
