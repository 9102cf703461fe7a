import { describe, expect, it } from "@jest/globals";
import { banner, urlHost } from "./banner.js";

const facts = {
  version: "1.2.3",
  host: "127.0.0.1",
  ports: [8080],
  admin: { host: "127.0.0.1", port: 9080 },
  workers: 2,
  redis: undefined,
};

describe("the banner", () => {
  it("is one line with address, workers, broker and the next thing to try", () => {
    expect(banner(facts).message).toBe(
      "holdfast 1.2.3 on http://127.0.0.1:8080 · 2 workers · embedded broker · " +
        "try: npx wscat -c 'ws://127.0.0.1:8080/ws?channels=news'  and  npx holdfast publish news '{\"hello\":1}'",
    );
  });

  it("names a range of ports, Redis, and an admin port that is not the usual one", () => {
    const { message } = banner({
      ...facts,
      host: "0.0.0.0",
      ports: [8080, 8081, 8082],
      admin: { host: "127.0.0.1", port: 9100 },
      workers: 1,
      redis: "redis://10.0.0.1:6379",
    });
    expect(message).toContain("http://127.0.0.1:8080 to :8082 · 1 worker · broker redis://10.0.0.1:6379 · ");
    expect(message).toContain("--admin http://127.0.0.1:9100");
  });

  it("says the same in fields", () => {
    expect(banner({ ...facts, ports: [8080, 8081] }).fields).toEqual({
      urls: ["http://127.0.0.1:8080", "http://127.0.0.1:8081"],
      admin: "http://127.0.0.1:9080",
      workers: 2,
      broker: "embedded",
      try: [
        "npx wscat -c 'ws://127.0.0.1:8080/ws?channels=news'",
        "npx holdfast publish news '{\"hello\":1}'",
      ],
    });
  });

  it("writes IPv6 as URLs do", () => expect(urlHost("fe80::1")).toBe("[fe80::1]"));
});
