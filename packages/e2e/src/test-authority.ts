/**
 * A certificate authority of a test: certificates that only those believe who were given its own.
 */
import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where a certificate and its key are. */
export interface IssuedFiles {
  readonly cert: string;
  readonly key: string;
}

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const LOCAL = "IP:127.0.0.1,DNS:localhost";

export class TestAuthority {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-authority-"));
  /** The file that clients are given. */
  readonly file = join(this.folder, "ca.crt");
  readonly #key = join(this.folder, "ca.key");
  #issued = 0;

  constructor() {
    const to = [
      "-keyout",
      this.#key,
      "-out",
      this.file,
      "-days",
      "30",
      "-subj",
      "/CN=Holdfast test authority",
    ];
    openssl("req", "-x509", ...EC, ...to);
  }

  get text(): string {
    return readFileSync(this.file, "utf8");
  }

  /** Valid for this machine, and for these names. */
  issue({ names = "", days = 60 }: { readonly names?: string; readonly days?: number } = {}): IssuedFiles {
    const id = ++this.#issued;
    const [cert, key] = [join(this.folder, `${id}.crt`), join(this.folder, `${id}.key`)];
    const to = ["-keyout", key, "-out", cert, "-days", String(days), "-subj", `/CN=certificate ${id}`];
    const named = [
      "-addext",
      `subjectAltName=${LOCAL}${names}`,
      "-addext",
      "basicConstraints=critical,CA:FALSE",
    ];
    openssl("req", "-x509", "-CA", this.file, "-CAkey", this.#key, ...EC, ...to, ...named);
    return { cert, key };
  }

  /** Puts one certificate in the place of another, the key first or last, as renewals do. */
  replace(old: IssuedFiles, by: IssuedFiles): void {
    copyFileSync(by.key, old.key);
    copyFileSync(by.cert, old.cert);
  }

  /** A file in its folder. */
  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  close(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** The hash of a certificate's public key, by which Chromium is told to believe it. */
export function keyHash({ cert }: IssuedFiles): string {
  const { publicKey } = new X509Certificate(readFileSync(cert));
  const der = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("base64");
}

function openssl(...args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: "ignore" });
}
