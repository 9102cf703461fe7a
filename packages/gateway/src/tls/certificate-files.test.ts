import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { loadPairs, stampOf } from "./certificate-files.js";
import { TestCertificates, textOf } from "./testing/test-certificates.js";

const DAY = 86_400_000;
const certificates = new TestCertificates();
afterAll(() => certificates.close());
const good = certificates.make("DNS:App.example,DNS:*.apps.example");
const other = certificates.make("DNS:other.example", { days: 30 });
const now = Date.now() + 60_000;

function file(name: string, text: string): string {
  const path = join(certificates.folder, name);
  writeFileSync(path, text);
  return path;
}

describe("files that are right", () => {
  it("give pairs, with their names and their ends", () => {
    const loaded = loadPairs([good, other], now);
    expect(loaded).toEqual({
      pairs: [textOf(good), textOf(other)],
      facts: [
        { names: ["app.example", "*.apps.example"], expiresAt: expect.any(Number) },
        { names: ["other.example"], expiresAt: expect.any(Number) },
      ],
    });
    const ends = "facts" in loaded ? loaded.facts.map(({ expiresAt }) => expiresAt - now) : [];
    expect(ends.map((ms) => Math.round(ms / DAY))).toEqual([90, 30]);
  });

  it("go by the common name where there is no other", () => {
    const loaded = loadPairs([certificates.make("", { subject: "/O=x/CN=Plain.example" })], now);
    expect("facts" in loaded && loaded.facts[0]?.names).toEqual(["plain.example"]);
  });
});

describe("a file that is wrong is named with what to do", () => {
  const missing = join(certificates.folder, "missing.crt");
  const folder = join(certificates.folder, "folder");
  mkdirSync(folder);
  const encrypted = certificates.encrypt(good);
  const oldForm = file(
    "old.key",
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
  );
  const empty = file("empty.pem", "");
  const torn = file("torn.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const large = file("large.crt", " ".repeat(1024 * 1024 + 1));

  it.each([
    ["missing", { ...good, cert: missing }, "cert", /^is not there: name a file that exists/],
    ["a folder", { ...good, key: folder }, "key", /^is no ordinary file/],
    ["too large", { ...good, cert: large }, "cert", /^is larger than 1 MiB/],
    ["empty", { ...good, cert: empty }, "cert", /^holds no certificate: name a file in PEM/],
    ["torn", { ...good, cert: torn }, "cert", /^holds a certificate that cannot be read/],
    ["a key instead of a certificate", { cert: good.key, key: good.key }, "cert", /^is a private key, and/],
    ["a certificate instead of a key", { cert: good.cert, key: good.cert }, "key", /^is a certificate, and/],
    ["of another certificate", { cert: good.cert, key: other.key }, "key", /^does not belong to its cert/],
    ["encrypted", encrypted, "key", /^is encrypted with a passphrase.*`openssl pkey -in/],
    ["encrypted in the old form", { ...good, key: oldForm }, "key", /^is encrypted with a passphrase/],
  ] as const)("%s", (_how, files, of, problem) => {
    const found = loadPairs([other, files], now);
    expect(found).toEqual({ of, file: files[of], problem: expect.stringMatching(problem) });
    expect(JSON.stringify(found)).not.toContain("AAAA");
  });

  it.each([
    ["expired", now + 91 * DAY, /^expired on \d{4}-\d\d-\d\d: get a new certificate$/],
    ["of the future", now - DAY, /^is not valid before \d{4}-\d\d-\d\d: look at the clock/],
  ])("%s", (_how, then, problem) => {
    expect(loadPairs([good], then)).toEqual({
      of: "cert",
      file: good.cert,
      problem: expect.stringMatching(problem),
    });
  });
});

it("has another stamp when a file was written again, and the same while none was", () => {
  const pair = certificates.make("DNS:x.example");
  const before = stampOf([good, pair]);
  expect(stampOf([good, pair])).toBe(before);
  certificates.replace(pair, other);
  expect(stampOf([good, pair])).not.toBe(before);
  expect(stampOf([{ cert: "/nowhere", key: "/nowhere" }])).toBe("ENOENT ENOENT");
});
