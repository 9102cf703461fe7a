import { describe, expect, it } from "@jest/globals";
import { nextSettings } from "./reload.js";
import { type Settings, settingsSchema } from "./schema.js";

const settings = (written: object): Settings => settingsSchema.parse(written);

describe("a reload's settings", () => {
  it("take what may change, and keep and name what may not", () => {
    const current = settings({ port: "8080-8081", maxChannels: 5, namespaces: { room: {} } });
    const read = settings({
      port: "8080-8082",
      redis: "redis://10.0.0.1",
      maxChannels: 7,
      drainWindow: "1m",
      namespaces: { room: { clientPublish: true } },
    });
    const { settings: next, kept } = nextSettings(current, read);
    expect(kept).toEqual(["port", "redis"]);
    expect(next).toEqual({ ...read, port: [8080, 8081], redis: undefined });
  });

  it("name nothing when what may not change is as it was", () => {
    const written = { port: "8080-8081", origins: ["https://a.example"], trustedProxies: ["10.0.0.0/8"] };
    const { kept, settings: next } = nextSettings(settings(written), settings(written));
    expect(kept).toEqual([]);
    expect(next).toEqual(settings(written));
  });
});
