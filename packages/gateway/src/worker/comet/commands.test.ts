import type { BareFrames } from "@holdfast/core";
import { describe, expect, test } from "@jest/globals";
import { type CommandFrame, carryOut } from "./commands.js";

class Account {
  readonly received: unknown[] = [];
  readonly credit: number;
  spent = 0;

  /** `credit`: tenths of a command that it has. */
  constructor(credit = 1_000) {
    this.credit = credit;
  }

  receive(message: string | Uint8Array | BareFrames): void {
    if (typeof message === "string" || message instanceof Uint8Array)
      throw new Error("a message, not frames");
    this.received.push([message.frames.map(({ value }) => value), message.length]);
  }
  alive(): void {}
  spend(tenths: number): boolean {
    this.spent += tenths;
    return this.spent < this.credit;
  }
}

const frames = (...ids: readonly unknown[]): CommandFrame[] =>
  ids.map((id) => ({ id, value: { id }, text: `{"id":${id}}` }));

describe("commands of a request", () => {
  test("are carried out once, and a request costs something in any case", () => {
    const account = new Account();
    expect(carryOut(frames(3, 5), 2, account)).toBe(5);
    expect(account.received).toEqual([[[{ id: 3 }, { id: 5 }], '{"id":3}\n{"id":5}'.length]]);
    expect(account.spent).toBe(1);
    expect(carryOut([], 5, account)).toBe(5);
    expect(account.spent).toBe(2);
  });

  test("that are repeated cost a tenth of a command each", () => {
    const account = new Account();
    expect(carryOut(frames(...Array.from({ length: 60 }, (_, i) => i)), 70, account)).toBe(70);
    expect(account).toMatchObject({ received: [], spent: 61 });
  });

  test("are not carried out where their client has nothing left", () => {
    const account = new Account(1);
    expect(carryOut(frames(8, 9), 7, account)).toBe(9);
    expect(account.received).toEqual([]);
  });
});
