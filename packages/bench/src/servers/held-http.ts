/**
 * Peer: comet on one process of plain Node http: GET /poll?channels= is held until there is a message, GET
 * /sse?channels= is an event stream.
 *
 * Written as the documentation suggests and without a session: the response of each request in a set of its
 * channel, and nothing that could find a message that came while no request was held.
 */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { BACKLOG, obey } from "./commands.js";

const KEEPALIVE_MS = 25_000;

const polls = new Map<string, Set<ServerResponse>>();
const streams = new Map<string, Set<ServerResponse>>();

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  const channels = (searchParams.get("channels") ?? "").split(",");
  if (pathname === "/poll") {
    for (const channel of channels) hold(polls, channel, response);
  } else if (pathname === "/sse") {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
    response.write(": hello\n\n");
    for (const channel of channels) hold(streams, channel, response);
  } else response.writeHead(404).end();
});
server.keepAliveTimeout = 65_000;

function hold(all: Map<string, Set<ServerResponse>>, channel: string, response: ServerResponse): void {
  const held = all.get(channel);
  if (held === undefined) all.set(channel, new Set([response]));
  else held.add(response);
}

function publish(channel: string, text: string): void {
  const held = polls.get(channel);
  polls.delete(channel);
  for (const response of held ?? []) {
    if (response.destroyed || response.writableEnded) continue;
    response.writeHead(200, {
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(text),
    });
    response.end(text);
  }
  const event = `data: ${text}\n\n`;
  const open = streams.get(channel) ?? [];
  for (const response of open) {
    if (response.destroyed) streams.get(channel)?.delete(response);
    else response.write(event);
  }
}

setInterval(() => {
  for (const open of streams.values()) {
    for (const response of open) {
      if (response.destroyed) open.delete(response);
      else response.write(":\n\n");
    }
  }
}, KEEPALIVE_MS).unref();

server.listen({ host: "127.0.0.1", port: 0, backlog: BACKLOG }, () => {
  const { port } = server.address() as AddressInfo;
  void obey({ port, workers: [process.pid] }, { publish });
});
