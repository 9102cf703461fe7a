import { describe, expect, it } from "@jest/globals";
import { ClientHarness } from "../testing/client-harness.js";
import { settled } from "../testing/fake-clock.js";
import { SID } from "../testing/fake-web-socket.js";

/** A client by long-poll whose first poll is answered, with `hold`, and whose second never is. */
async function polled(hold: object): Promise<ClientHarness> {
  const connect = { sid: SID, ping: 2_000, pongTimeout: 1_000 };
  const first = { sid: SID, cursor: "c1", frames: [{ id: 1, connect }], wait: 0, ...hold };
  let polls = 0;
  const fetch = async (): Promise<Response> =>
    polls++ === 0 ? Response.json(first) : new Promise<Response>(() => {});
  const harness = new ClientHarness({ transports: ["poll"], fetch: fetch as typeof globalThis.fetch });
  harness.client.connect();
  for (let i = 0; i < 10; i++) await settled();
  expect(harness.client.state.name).toBe("connected");
  return harness;
}

describe("a poll that is held", () => {
  it("is no silence for as long as the server holds it", async () => {
    const { client, clock } = await polled({ hold: 8_000 });
    await clock.advance(8_999);
    expect(client.state.name).toBe("connected");
    await clock.advance(1);
    expect(client.state).toMatchObject({ name: "waiting", reason: "the server fell silent" });
  });

  it("ends by the pings where the server says nothing of it, or nonsense", async () => {
    for (const hold of [{}, { hold: "8000" }, { hold: -1 }, { hold: null }]) {
      const { client, clock } = await polled(hold);
      await clock.advance(3_999);
      expect(client.state.name).toBe("connected");
      await clock.advance(1);
      expect(client.state.name).toBe("waiting");
    }
  });
});
