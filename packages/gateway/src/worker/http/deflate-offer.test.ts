import { describe, expect, it } from "@jest/globals";
import { negotiateDeflate } from "./deflate-offer.js";

const NAME = "permessage-deflate";
const ANSWER = `${NAME}; server_no_context_takeover; client_no_context_takeover`;
const whole = { answer: ANSWER, windowBits: 15, keepsContext: false };
const bits = (windowBits: number) => ({
  answer: `${ANSWER}; server_max_window_bits=${windowBits}`,
  windowBits,
  keepsContext: false,
});

describe("an offer of compression", () => {
  it.each<[string, unknown]>([
    [NAME, whole],
    [`${NAME}; client_max_window_bits`, whole],
    [`${NAME};client_max_window_bits=8`, whole],
    [`${NAME}; client_max_window_bits="10"`, whole],
    [`${NAME}; server_no_context_takeover; client_no_context_takeover`, whole],
    [`${NAME}; server_max_window_bits=9`, bits(9)],
    [`${NAME}; server_max_window_bits = 15`, bits(15)],
    [`${NAME}; server_max_window_bits="12"`, bits(12)],
    [`${NAME}; server_max_window_bits="1\\2"`, bits(12)],
    [`x-other, ${NAME}`, whole],
    [`,, ${NAME} ,`, whole],
  ])("is taken without context and with the window that it names: %s", (header, terms) => {
    expect(negotiateDeflate(header)).toEqual(terms);
  });

  it.each([
    "x-webkit-deflate-frame",
    "Permessage-Deflate",
    `${NAME}; unknown`,
    `${NAME}; unknown=1`,
    `${NAME}; server_no_context_takeover=1`,
    `${NAME}; client_no_context_takeover=true`,
    `${NAME}; server_no_context_takeover; server_no_context_takeover`,
    `${NAME}; client_max_window_bits; client_max_window_bits=10`,
    `${NAME}; server_max_window_bits`,
    `${NAME}; server_max_window_bits=8`,
    `${NAME}; server_max_window_bits=7`,
    `${NAME}; server_max_window_bits=16`,
    `${NAME}; server_max_window_bits=09`,
    `${NAME}; server_max_window_bits=+9`,
    `${NAME}; client_max_window_bits=16`,
    `${NAME}; client_max_window_bits=010`,
  ])("is declined, and the next one counts: %s", (offer) => {
    expect(negotiateDeflate(offer)).toBeUndefined();
    expect(negotiateDeflate(`${offer}, ${NAME}; server_max_window_bits=11, ${NAME}`)).toEqual(bits(11));
  });

  it.each([
    "",
    ",",
    ";",
    `${NAME};`,
    `${NAME}; =1`,
    `${NAME}; server_max_window_bits=`,
    `${NAME}; server_max_window_bits="`,
    `${NAME}; server_max_window_bits=""`,
    `${NAME}; server_max_window_bits="1 2"`,
    `${NAME}; server_max_window_bits=;`,
    `${NAME} ${NAME}`,
    `"${NAME}"`,
    `${NAME}; a=b=c`,
    `${NAME}/1`,
    `${NAME}; é`,
  ])("that is no list of extensions is malformed: %j", (header) => {
    expect(negotiateDeflate(header)).toBe("malformed");
  });

  it("does not take long, however hostile", () => {
    for (const hostile of ['"', '"\\', " \t", ";a", ",", `${NAME};a=`]) {
      const header = hostile.repeat(8_000);
      expect([undefined, "malformed"]).toContain(negotiateDeflate(header));
    }
  });
});

describe("an offer where each connection compresses for itself", () => {
  const SERVER = "server_max_window_bits";
  const CLIENT = "client_max_window_bits";
  it.each([
    [NAME, 12, `${NAME}; ${SERVER}=12`],
    [`${NAME}; ${CLIENT}`, 12, `${NAME}; ${SERVER}=12; ${CLIENT}=12`],
    [`${NAME}; ${CLIENT}=10; ${SERVER}=9`, 9, `${NAME}; ${SERVER}=9; ${CLIENT}=10`],
    [`${NAME}; ${CLIENT}=8; ${SERVER}=15`, 12, `${NAME}; ${SERVER}=12`],
    [
      `${NAME}; client_no_context_takeover; server_no_context_takeover`,
      12,
      `${NAME}; server_no_context_takeover; client_no_context_takeover; ${SERVER}=12`,
    ],
  ])("is taken with windows that are small: %s", (header, windowBits, answer) => {
    expect(negotiateDeflate(header, "dedicated")).toEqual({ answer, windowBits, keepsContext: true });
  });

  it("is declined and malformed like any other", () => {
    expect(negotiateDeflate(`${NAME}; unknown`, "dedicated")).toBeUndefined();
    expect(negotiateDeflate(`${NAME};`, "dedicated")).toBe("malformed");
  });
});
