/**
 * The contract of the shared secret as a test suite: one for all workers on a backend.
 */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { BackendSeams } from "../seams.js";

/** A backend that nothing was asked of yet. */
export interface SharedSecretWorld {
  /** The secret as another worker of the same backend asks for it, once its broker is ready. */
  create(): Promise<BackendSeams["sharedSecret"]>;
  close(): Promise<void>;
}

/** 32 bytes in base64url. */
const MIN_LENGTH = 43;

export function sharedSecretContract(
  name: string,
  factory: () => SharedSecretWorld | Promise<SharedSecretWorld>,
): void {
  describe(`${name} keeps the contract of the shared secret`, () => {
    let world: SharedSecretWorld;
    beforeEach(async () => {
      world = await factory();
    });
    afterEach(() => world.close());

    test("all workers have one secret, those that ask at once and those that ask later", async () => {
      const [a, b] = [await world.create(), await world.create()];
      const [first, ...others] = await Promise.all([a(), b(), a()]);
      const later = await world.create();
      expect([...others, await later(), await b()]).toEqual([first, first, first, first]);
      expect(first?.length).toBeGreaterThanOrEqual(MIN_LENGTH);
    });

    test("another backend has another secret", async () => {
      const other = await factory();
      try {
        const [one, two] = [await world.create(), await other.create()];
        expect(await one()).not.toBe(await two());
      } finally {
        await other.close();
      }
    });
  });
}
