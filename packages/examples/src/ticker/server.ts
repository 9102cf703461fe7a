/**
 * The ticker's backend: publishes prices of 20 symbols, 10 of them 20 times a second. Each comes with 20 KB
 * of orders, so that a slow reader is soon behind. It then gets the newest price of each symbol
 * (holdfast.json), and delays no other page.
 */
import { admin, start } from "../start.js";

const SYMBOLS = 20;
const AT_ONCE = 10;
const INTERVAL_MS = 50;
const ORDERS = "12.50 x 100, ".repeat(1600);

let round = 0;

async function publish(first: number): Promise<void> {
  if (first === 0) round++;
  const publications = Array.from({ length: AT_ONCE }, (_, index) => {
    const price = 100 + 5 * Math.sin(round / 20 + first + index);
    return { channel: "prices:all", data: { symbol: `S${first + index}`, price, round, orders: ORDERS } };
  });
  await admin("/api/batch", { publications });
}

async function publishForEver(): Promise<never> {
  for (let first = 0; ; first = (first + AT_ONCE) % SYMBOLS) {
    // The gateway may be starting; the next prices come soon.
    await publish(first).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}

await start("page.ts", { "/round": () => String(round) });
void publishForEver();
