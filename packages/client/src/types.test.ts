import { describe, expect, it } from "@jest/globals";
import type { History, Publication } from "./index.js";
import { ClientHarness } from "./testing/client-harness.js";
import { settled } from "./testing/fake-clock.js";

interface Quote {
  readonly symbol: string;
  readonly price: number;
}

describe("typed data", () => {
  it("goes in and comes out without a cast", async () => {
    const harness = new ClientHarness();
    const { client } = harness;
    const prices: number[] = [];
    const quotes = client.subscribe<Quote>("quotes", ({ data }) => prices.push(data.price));
    quotes.on("publication", ({ data }: Publication<Quote>) => prices.push(data.price * 2));
    const socket = await harness.connected({ subs: { quotes: {} } });
    const quote: Quote = { symbol: "HLD", price: 7 };
    const published = client.publish<Quote>("quotes", quote);
    await settled();
    expect(socket.frames.at(-1)).toMatchObject({ publish: { channel: "quotes", data: quote } });
    const reading: Promise<History<Quote>> = client.history<Quote>("quotes");
    const position = { offset: 1, epoch: "e" };
    socket.receive(
      { publication: { channel: "quotes", data: quote } },
      { id: 2, publish: position },
      { id: 3, history: { ...position, publications: [{ offset: 1, data: quote }] } },
    );
    expect(prices).toEqual([7, 14]);
    expect(await published).toEqual(position);
    expect((await reading).publications.map(({ data }) => data.symbol)).toEqual(["HLD"]);
    // @ts-expect-error: a field that the type does not have.
    client.subscribe<Quote>("quotes", ({ data }) => data.volume);
  });
});
