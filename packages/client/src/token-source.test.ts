import { describe, expect, it } from "@jest/globals";
import { TokenProvider } from "./token-source.js";

describe("TokenSource", () => {
  it("asks once for all waiting callers, and again afterwards", async () => {
    const answers: ((token: string) => void)[] = [];
    const tokens = new TokenProvider(() => new Promise((resolve) => answers.push(resolve)));
    const first = tokens.get();
    const second = tokens.get();
    expect(answers).toHaveLength(1);
    answers[0]?.("one");
    expect(await Promise.all([first, second])).toEqual(["one", "one"]);
    const third = tokens.get();
    answers[1]?.("two");
    expect(await third).toBe("two");
  });

  it("asks anew once it was told to forget, and keeps the newer question", async () => {
    const answers: ((token: string) => void)[] = [];
    const tokens = new TokenProvider(() => new Promise((resolve) => answers.push(resolve)));
    const old = tokens.get();
    tokens.forgetPending();
    const fresh = tokens.get();
    answers[0]?.("old");
    expect(await old).toBe("old");
    expect(tokens.get()).toBe(fresh);
    answers[1]?.("fresh");
    expect(await fresh).toBe("fresh");
  });

  it("turns null and a thrown error into none and a rejection", async () => {
    expect(await new TokenProvider(() => null).get()).toBeUndefined();
    const broken = new TokenProvider(() => {
      throw new Error("no");
    });
    await expect(broken.get()).rejects.toThrow("no");
    await expect(broken.get()).rejects.toThrow("no");
  });
});
