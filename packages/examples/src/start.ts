/**
 * Starts an example: the gateway with the folder's holdfast.json, and the application's own web server.
 *
 * The page of an example has another origin (port 3000) than the gateway (8080), as in most applications.
 * Both end together.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { build } from "esbuild";

const { PORT = "3000", HOLDFAST_PORT = "8080", HOLDFAST_ADMIN_PORT = "9080" } = process.env;
export const GATEWAY = `http://127.0.0.1:${HOLDFAST_PORT}/ws`;
const ADMIN = `http://127.0.0.1:${HOLDFAST_ADMIN_PORT}`;

/** Answers a request of the page with text. */
export type Route = (request: IncomingMessage, url: URL) => string | Promise<string>;

export async function start(page: string, routes: Readonly<Record<string, Route>> = {}): Promise<void> {
  const define = { GATEWAY: JSON.stringify(GATEWAY) };
  const { outputFiles } = await build({
    entryPoints: [page],
    define,
    bundle: true,
    format: "esm",
    write: false,
  });
  const all: Record<string, Route> = {
    "/": () => readFileSync("index.html", "utf8"),
    "/page.js": () => outputFiles[0]?.text ?? "",
    ...routes,
  };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const type = { "/": "text/html", "/page.js": "text/javascript" }[url.pathname] ?? "text/plain";
    try {
      const text = await all[url.pathname]?.(request, url);
      response.writeHead(text === undefined ? 404 : 200, { "Content-Type": `${type}; charset=utf-8` });
      response.end(text);
    } catch (error) {
      response.writeHead(400).end(String(error));
    }
  });
  server.on("error", (error) => {
    console.error(
      `the page's server cannot listen: ${error.message}; PORT=3001 npm start takes another port`,
    );
    process.exit(1);
  });
  const origins = ["127.0.0.1", "localhost"].map((host) => `http://${host}:${PORT}`).join();
  server.listen(Number(PORT), "127.0.0.1", () => {
    const gateway = spawn("holdfast", ["start", "--config", "holdfast.json", "--origins", origins], {
      stdio: "inherit",
    });
    gateway.on("exit", (code) => process.exit(code ?? 1));
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => gateway.kill(signal));
    console.log(`open http://127.0.0.1:${PORT}`);
  });
}

/** Asks the gateway's admin API, which listens on this machine alone. */
export async function admin(path: string, body: unknown): Promise<void> {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(ADMIN + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}
