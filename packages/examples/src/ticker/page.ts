/** The ticker's page: the newest price of each symbol. Its button makes it a slow reader for some seconds. */
import { Client } from "@holdfast/client";

declare const GATEWAY: string;
interface Price {
  readonly symbol: string;
  readonly price: number;
  readonly round: number;
}

const SLEEP_MS = 6000;
const element = (id: string): HTMLElement => document.getElementById(id) as HTMLElement;
const cells = new Map<string, HTMLElement>();
let received = 0;
let gaps = 0;

function cellOf(symbol: string): HTMLElement {
  let cell = cells.get(symbol);
  if (cell === undefined) {
    const row = document.createElement("tr");
    row.append(document.createElement("th"), document.createElement("td"));
    (row.firstChild as HTMLElement).textContent = symbol;
    element("prices").append(row);
    cell = row.lastChild as HTMLElement;
    cells.set(symbol, cell);
  }
  return cell;
}

const client = new Client(GATEWAY);
const prices = client.subscribe<Price>("prices:all", ({ data }) => {
  const cell = cellOf(data.symbol);
  cell.textContent = data.price.toFixed(2);
  cell.dataset.round = String(data.round);
  element("received").textContent = String(++received);
});
prices.on("gap", () => {
  element("gaps").textContent = String(++gaps);
});
void client.connect();

element("sleep").addEventListener("click", () => {
  const until = performance.now() + SLEEP_MS;
  while (performance.now() < until); // a page that is too busy to read
});
