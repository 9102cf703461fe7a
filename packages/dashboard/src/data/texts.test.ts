import { expect, it } from "@jest/globals";
import { clientParam, hashOf, routeOf } from "./route.js";
import { bytesText, countText, durationText, percentText, rateText, settingText, timeText } from "./texts.js";

it("figures are short and have a unit", () => {
  expect(countText(1234567)).toBe("1,234,567");
  expect([undefined, 0, 0.44, 12.4, 12345].map(rateText)).toEqual(["–", "0/s", "0.4/s", "12/s", "12,345/s"]);
  expect([0, 1023, 1536, 150 * 1024 ** 2, 3 * 1024 ** 5].map(bytesText)).toEqual([
    "0 B",
    "1023 B",
    "1.5 KiB",
    "150 MiB",
    "3072 TiB",
  ]);
  expect([850, 12_000, 200_000, 7_500_000, 356_400_000].map(durationText)).toEqual([
    "850 ms",
    "12 s",
    "3 min",
    "2 h 5 min",
    "4 d 3 h",
  ]);
  expect([0.004, 0.5, 1].map(percentText)).toEqual(["0.4 %", "50 %", "100 %"]);
  expect(timeText(new Date(2026, 0, 2, 3, 4, 5).getTime())).toBe("2026-01-02 03:04:05");
});

it("a route survives its way through the hash, whatever the names hold", () => {
  const params = { user: "ada & co #1?=%", channel: "room:7/ü" };
  expect(routeOf(hashOf("why", params))).toEqual({ page: "why", params });
  expect(hashOf("channels", { prefix: "", after: undefined })).toBe("#/channels");
});

it.each(["", "#", "#/", "#/nowhere", "#/__proto__", "#main", "#/why/more"])(
  "the hash %j names a page",
  (hash) => {
    expect(routeOf(hash).page).toBe("overview");
  },
);

it("a client is named by user or session", () => {
  expect(clientParam("ada", "user")).toEqual({ user: "ada" });
  expect(clientParam("AAAB0123456789abcdef", "session")).toEqual({ session: "AAAB0123456789abcdef" });
});

it("a setting's value is as it is written, without quotes", () => {
  expect(["25s", 8080, null, ["a", "b"], { room: { historySize: 1 } }].map(settingText)).toEqual([
    "25s",
    "8080",
    "unset",
    '["a","b"]',
    '{"room":{"historySize":1}}',
  ]);
});
