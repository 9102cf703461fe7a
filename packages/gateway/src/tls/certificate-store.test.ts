import { rmSync, writeFileSync } from "node:fs";
import { FakeClock, RecordingLogger } from "@holdfast/core/testing";
import { afterAll, describe, expect, it } from "@jest/globals";
import type { PairFiles } from "./certificate-files.js";
import { CertificateStore, LOOK_MS } from "./certificate-store.js";
import { TestCertificates, textOf } from "./testing/test-certificates.js";
import type { TlsMaterial } from "./tls-material.js";

const DAY = 86_400_000;
const certificates = new TestCertificates();
afterAll(() => certificates.close());

class World {
  readonly clock = new FakeClock(Date.now() + 60_000);
  readonly logger = new RecordingLogger();
  readonly renewed: TlsMaterial[] = [];
  readonly files: PairFiles;
  readonly store: CertificateStore;

  constructor(days = 90) {
    this.files = certificates.make("DNS:app.example", { days });
    this.store = new CertificateStore(
      { files: [this.files], minVersion: "1.2", settings: { cert: "tlsCert", key: "tlsKey" } },
      this.clock,
      this.logger,
      (material) => this.renewed.push(material),
    );
  }

  look(times = 1): void {
    this.clock.advance(LOOK_MS * times);
  }

  /** So much of the calendar passes, and then there is a look. */
  pass(ms: number): void {
    this.clock.set(this.clock.now() + ms);
    this.look();
  }
}

describe("files that change", () => {
  it("are served once they have stayed as they are for a look", () => {
    const { files, store, renewed, ...world } = new World();
    const next = certificates.make("DNS:app.example");
    certificates.replace(files, next);
    world.clock.advance(LOOK_MS);
    expect(renewed).toEqual([]);
    world.clock.advance(LOOK_MS);
    expect(renewed.map(({ pairs }) => pairs)).toEqual([[textOf(next)]]);
    expect(store.material.pairs).toEqual([textOf(next)]);
    expect(store.renewals).toEqual({ loaded: 1, refused: 0 });
    world.clock.advance(LOOK_MS * 3);
    expect(renewed).toHaveLength(1);
  });

  it("are served at once when that is asked for, which is told once", () => {
    const world = new World();
    expect(world.store.renewNow()).toBe("unchanged");
    certificates.replace(world.files, certificates.make("DNS:app.example"));
    expect(world.store.renewNow()).toBe("loaded");
    expect(world.store.renewNow()).toBe("unchanged");
    expect(world.renewed).toHaveLength(1);
  });

  it("that were found by themselves are told, too, when that is asked for", () => {
    const world = new World();
    certificates.replace(world.files, certificates.make("DNS:app.example"));
    world.look(2);
    expect([world.store.renewNow(), world.store.renewNow()]).toEqual(["loaded", "unchanged"]);
  });

  it("and are bad leave the old ones, are named once, and are read again when they change", () => {
    const world = new World();
    const old = textOf(world.files);
    const next = certificates.make("DNS:app.example");
    // A certificate whose key has yet to be written.
    writeFileSync(world.files.cert, textOf(next).cert);
    world.look(5);
    expect([world.store.renewals, world.renewed]).toEqual([{ loaded: 0, refused: 1 }, []]);
    expect(world.store.material.pairs).toEqual([old]);
    expect(world.logger.messages("error")).toEqual([
      expect.stringMatching(
        /^the new certificate is not taken, and the old one goes on until \d{4}-\d\d-\d\d: tlsKey: \S+ does not belong to/,
      ),
    ]);
    expect(world.store.renewNow()).toBe("refused");
    writeFileSync(world.files.key, textOf(next).key);
    world.look(2);
    expect(world.renewed.map(({ pairs }) => pairs)).toEqual([[textOf(next)]]);
  });

  it("and are gone leave the old ones", () => {
    const world = new World();
    rmSync(world.files.cert);
    world.look(2);
    expect(world.logger.messages("error")[0]).toContain("tlsCert: ");
    expect(world.store.material.pairs).toHaveLength(1);
  });
});

describe("a certificate that ends", () => {
  it("is named in a warning from 14 days before, once a day, and as an error afterwards", () => {
    const world = new World(16);
    const { store, clock, logger, files } = world;
    const left = (): number => Math.ceil((store.expiresAt - clock.now()) / DAY);
    expect([left(), logger.messages("warn")]).toEqual([16, []]);
    world.pass(DAY);
    expect(logger.messages("warn")).toEqual([]);
    world.pass(DAY);
    const day = new Date(store.expiresAt).toISOString().slice(0, 10);
    const sentence = `the certificate in ${files.cert} (tlsCert) expires on ${day}: replace it before`;
    expect([left(), logger.messages("warn")]).toEqual([14, [sentence]]);
    world.pass(DAY / 2);
    expect(logger.messages("warn")).toEqual([sentence]);
    world.pass(DAY / 2);
    expect(logger.messages("warn")).toEqual([sentence, sentence]);
    world.pass(13 * DAY);
    expect(logger.messages("error")[0]).toContain(`expired on ${day}: clients refuse it`);
    // What has expired is served all the same: the clients decide.
    expect(store.material.pairs).toHaveLength(1);
  });

  it("is warned of at the start", () => {
    expect(new World(3).logger.messages("warn")).toHaveLength(1);
  });

  it("is warned of no more once it was replaced", () => {
    const world = new World(3);
    certificates.replace(world.files, certificates.make("DNS:app.example"));
    world.store.renewNow();
    world.pass(2 * DAY);
    expect(world.logger.messages("warn")).toHaveLength(1);
  });

  it("before the start keeps the port from being served, with a sentence", () => {
    const files = certificates.make("DNS:app.example", { days: 1 });
    const settings = { cert: "adminTlsCert", key: "adminTlsKey" };
    const clock = new FakeClock(Date.now() + 2 * DAY);
    expect(
      () =>
        new CertificateStore(
          { files: [files], minVersion: "1.2", settings },
          clock,
          new RecordingLogger(),
          () => {},
        ),
    ).toThrow(/^adminTlsCert: \S+ expired on /);
    expect(clock.timers).toBe(0);
  });
});

it("renews the keys of session tickets twice a day", () => {
  const world = new World();
  const before = world.store.material.ticketKeys;
  expect(Buffer.from(before, "base64")).toHaveLength(48);
  world.clock.advance(DAY / 2 + LOOK_MS);
  expect(world.renewed).toHaveLength(1);
  expect(world.renewed[0]?.ticketKeys).not.toBe(before);
});

it("looks no more once it is closed", () => {
  const world = new World();
  world.store.close();
  expect(world.clock.timers).toBe(0);
});
