/**
 * Peers that speak TLS, with one certificate for all: EC, self-signed, made when it is first asked for.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory, serverScript } from "../packages.js";
import { LineServer } from "./line-server.js";
import { HoldfastServer } from "./ours.js";
import type { Peer } from "./peer.js";

interface Files {
  readonly cert: string;
  readonly key: string;
}

export const oursSecure: Peer = {
  name: "ours-tls",
  label: "Holdfast, TLS",
  missing: missingCertificate,
  start: (options) => {
    const { cert, key } = certificateFiles();
    const flags = [...(options.flags ?? []), "--tls-cert", cert, "--tls-key", key];
    return HoldfastServer.start({ ...options, flags });
  },
};

export const wsClusterSecure: Peer = {
  name: "ws-cluster-tls",
  label: "ws on https, cluster round robin",
  missing: missingCertificate,
  start: ({ workers }) => {
    const { cert, key } = certificateFiles();
    const args = [serverScript("ws-cluster"), String(workers), cert, key];
    return LineServer.start({ program: process.execPath, args, target: "/ws?channels=" });
  },
};

function missingCertificate(): string | undefined {
  try {
    certificateFiles();
    return undefined;
  } catch (error) {
    return `openssl could not make a certificate: ${(error as Error).message.split("\n")[0]}`;
  }
}

function certificateFiles(): Files {
  const folder = cacheDirectory("tls");
  const files = { cert: join(folder, "storm.crt"), key: join(folder, "storm.key") };
  if (existsSync(files.cert) && existsSync(files.key)) return files;
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const to = ["-keyout", files.key, "-out", files.cert, "-days", "3650", "-subj", "/CN=127.0.0.1"];
  execFileSync("openssl", ["req", ...kind, ...to], { stdio: ["ignore", "ignore", "pipe"] });
  return files;
}
