/**
 * Certificates for tests, made by `openssl` in a folder of their own.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CertificatePair } from "../certificate.js";
import type { PairFiles } from "../certificate-files.js";
import type { TlsMaterial } from "../tls-material.js";

export class TestCertificates {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-tls-"));
  #made = 0;

  /** A self-signed one that is valid from now on. `names`: as in a certificate, `DNS:a.example`. */
  make(names: string, { days = 90, subject = "/CN=holdfast" } = {}): PairFiles {
    const id = ++this.#made;
    const [cert, key] = [join(this.folder, `${id}.crt`), join(this.folder, `${id}.key`)];
    const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const to = ["-keyout", key, "-out", cert, "-days", String(days), "-subj", subject];
    const named = names === "" ? [] : ["-addext", `subjectAltName=${names}`];
    execFileSync("openssl", ["req", ...kind, ...to, ...named], { stdio: "ignore" });
    return { cert, key };
  }

  /** The same key with a passphrase. */
  encrypt({ cert, key }: PairFiles): PairFiles {
    const encrypted = `${key}.encrypted`;
    const args = ["pkey", "-in", key, "-out", encrypted, "-aes128", "-passout", "pass:secret"];
    execFileSync("openssl", args, { stdio: "ignore" });
    return { cert, key: encrypted };
  }

  /** Writes one pair over another. */
  replace(old: PairFiles, by: PairFiles): void {
    copyFileSync(by.cert, old.cert);
    copyFileSync(by.key, old.key);
  }

  material(...files: readonly PairFiles[]): TlsMaterial {
    return {
      pairs: files.map(textOf),
      minVersion: "1.2",
      ticketKeys: Buffer.alloc(48, 7).toString("base64"),
    };
  }

  close(): void {
    rmSync(this.folder, { recursive: true });
  }
}

export function textOf({ cert, key }: PairFiles): CertificatePair {
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
}
