import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { duration, durationOrOff, formatDuration, parseDuration } from "./values/duration.js";
import { formatPorts, parsePorts } from "./values/ports.js";
import { formatSize, parseSize, size } from "./values/size.js";

describe("durations", () => {
  it.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["0s", 0],
  ])("reads %s", (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(["30", "s", "-1s", "1.5s", "30 s", "30S", "1d", "", "off", "1e3ms", "9999999999s"])(
    "refuses %j",
    (text) => expect(parseDuration(text)).toBeUndefined(),
  );

  it("formats and parses to the same number, for every number of ms", () => {
    fc.assert(fc.property(fc.nat(999_999_999), (ms) => parseDuration(formatDuration(ms)) === ms));
  });

  it("never throws and never leaves its bounds, for any text", () => {
    const { schema } = duration(100, 60_000);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{1,12}(ms|s|m|h)$/)), (text) => {
        const parsed = schema.safeParse(text);
        return !parsed.success || (parsed.data >= 100 && parsed.data <= 60_000);
      }),
    );
  });

  it("has an off only where it is allowed", () => {
    expect(duration(1, 10).schema.safeParse("off").success).toBe(false);
    expect(durationOrOff(1000, 60_000).schema.parse("off")).toBe("off");
    expect(durationOrOff(1000, 60_000).schema.encode("off")).toBe("off");
    expect(durationOrOff(1000, 60_000).schema.encode(30_000)).toBe("30s");
  });
});

describe("sizes", () => {
  it.each([
    ["512B", 512],
    ["64KiB", 65_536],
    ["1MiB", 1_048_576],
    ["2GiB", 2_147_483_648],
  ])("reads %s", (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(["64", "64k", "64KB", "64kib", "-1B", "1.5MiB", ""])("refuses %j", (text) =>
    expect(parseSize(text)).toBeUndefined(),
  );

  it("formats and parses to the same number, for every number of bytes", () => {
    fc.assert(fc.property(fc.nat(999_999_999), (bytes) => parseSize(formatSize(bytes)) === bytes));
  });

  it("never throws and never leaves its bounds, for any text", () => {
    const { schema } = size(1024, 65_536);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{1,12}(B|KiB|MiB)$/)), (text) => {
        const parsed = schema.safeParse(text);
        return !parsed.success || (parsed.data >= 1024 && parsed.data <= 65_536);
      }),
    );
  });
});

describe("ports", () => {
  it.each([
    ["8080", [8080]],
    ["0", [0]],
    ["8080-8082", [8080, 8081, 8082]],
    ["65535", [65_535]],
  ])("reads %s", (text, ports) => expect(parsePorts(text)).toEqual(ports));

  it.each(["", "80x", "8083-8080", "65536", "1-65535", "0-3", "-1", "8080-"])("refuses %j", (text) =>
    expect(parsePorts(text)).toBeUndefined(),
  );

  it("formats and parses to the same ports", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_000 }), fc.integer({ min: 0, max: 255 }), (first, more) => {
        const ports = parsePorts(`${first}-${first + more}`) ?? [];
        expect(parsePorts(formatPorts(ports))).toEqual(ports);
      }),
    );
  });
});
