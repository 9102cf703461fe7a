/**
 * Peer: nginx with Nchan, one worker process, from the system or from what `--install-peers` unpacked.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { children } from "@holdfast/swarm/measure";
import { LineProcess } from "../line-process.js";
import { cacheDirectory } from "../packages.js";
import { freePort } from "./free-port.js";
import type { CometTargets, Peer, PeerServer } from "./peer.js";

/** Where Debian's nginx keeps temporary files. */
export const COMPILED_IN = "/var/lib/nginx";

const START_MS = 5_000;

export const nchan: Peer = {
  name: "nchan",
  label: "nginx + Nchan",
  missing: () =>
    root() !== undefined && existsSync(COMPILED_IN)
      ? undefined
      : `nginx with Nchan or ${COMPILED_IN} is not here: npm run bench -- --install-peers`,
  start: () => NchanServer.start(),
};

class NchanServer implements PeerServer {
  readonly target = "/ws/";
  readonly comet: CometTargets = { sse: "/sse/", poll: "/poll/", pollProtocol: "nchan" };
  readonly probe = undefined;
  readonly port: number;
  readonly primary: number;
  readonly workers: readonly number[];
  readonly #process: LineProcess;
  readonly #directory: string;
  readonly #publisher: Socket;

  private constructor(process: LineProcess, port: number, directory: string, publisher: Socket) {
    this.#process = process;
    this.#directory = directory;
    this.#publisher = publisher;
    this.port = port;
    this.primary = process.pid;
    this.workers = children(process.pid);
    // Answers to publications; an error shows as messages that did not come.
    publisher.on("error", () => {});
    publisher.resume();
  }

  static async start(): Promise<NchanServer> {
    const found = root() ?? "";
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), "holdfast-nchan-"));
    writeFileSync(join(directory, "nginx.conf"), configuration(found, directory, port));
    const args = ["-p", directory, "-c", join(directory, "nginx.conf"), "-e", join(directory, "error.log")];
    // nginx says nothing; the shell does, and becomes nginx.
    const script = `echo '{"ready":true}'; exec "$0" "$@"`;
    const { process } = await LineProcess.start("/bin/sh", [
      "-c",
      script,
      join(found, "usr/sbin/nginx"),
      ...args,
    ]);
    const publisher = await reach(port);
    return new NchanServer(process, port, directory, publisher);
  }

  get command(): string {
    return this.#process.command;
  }

  async publish(channel: string, text: string, times = 1): Promise<void> {
    this.#publisher.write(request(channel, text).repeat(times));
  }

  async publishEach(channels: number, text: string): Promise<void> {
    this.#publisher.write(Array.from({ length: channels }, (_, i) => request(`c${i}`, text)).join(""));
  }

  async collect(): Promise<readonly number[]> {
    return [];
  }

  async stop(): Promise<void> {
    this.#publisher.destroy();
    this.#process.signal("SIGTERM");
    await this.#process.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** The directory below which usr/sbin/nginx and the module are, or undefined. */
function root(): string | undefined {
  return ["/", join(cacheDirectory("nchan"), "root")].find((directory) =>
    [`${directory}/usr/sbin/nginx`, `${directory}/usr/lib/nginx/modules/ngx_nchan_module.so`].every(
      existsSync,
    ),
  );
}

function request(channel: string, text: string): string {
  return `POST /pub/${channel} HTTP/1.1\r\nHost: bench\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
}

async function reach(port: number): Promise<Socket> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const connected = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    if (connected) return socket;
    if (performance.now() > deadline) throw new Error("nginx did not start");
    await sleep(50);
  }
}

function configuration(found: string, directory: string, port: number): string {
  return `
load_module ${found}/usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events { worker_connections 19900; multi_accept on; }
http {
  access_log off;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fcgi;
  uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
  nchan_max_reserved_memory 512M;
  nchan_message_buffer_length 64;
  server {
    listen 127.0.0.1:${port} backlog=16384;
    keepalive_requests 100000000;
    location ~ ^/ws/(.+)$ {
      nchan_subscriber websocket;
      nchan_channel_id $1;
      nchan_channel_id_split_delimiter ",";
      nchan_subscriber_first_message newest;
      nchan_websocket_ping_interval 25;
    }
    location ~ ^/sse/(.+)$ {
      nchan_subscriber eventsource;
      nchan_channel_id $1;
      nchan_channel_id_split_delimiter ",";
      nchan_subscriber_first_message newest;
      nchan_eventsource_ping_interval 25;
    }
    location ~ ^/poll/(.+)$ {
      nchan_subscriber longpoll;
      nchan_channel_id $1;
      nchan_channel_id_split_delimiter ",";
      nchan_subscriber_first_message newest;
    }
    location ~ ^/pub/(.+)$ { nchan_publisher; nchan_channel_id $1; }
  }
}
`;
}
