/**
 * Clients of the package `ws` in a process of their own: COUNT of them, in turn on the URLs that follow.
 * Prints how many are open whenever that is another number, and ends with its input.
 */
import { WebSocket } from "ws";

const [count, ...urls] = process.argv.slice(2);
const total = Number(count);
const IN_FLIGHT = 32;
let next = 0;
let open = 0;

const tell = () => process.stdout.write(`${open}\n`);

function openNext() {
  const index = next++;
  if (index >= total) return;
  const socket = new WebSocket(urls[index % urls.length], { perMessageDeflate: false });
  let isOpen = false;
  socket.on("open", () => {
    isOpen = true;
    open++;
    if (open % 100 === 0 || open === total) tell();
    openNext();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    if (isOpen) open--;
    else openNext();
    tell();
  });
}

for (let each = 0; each < IN_FLIGHT; each++) openNext();
process.stdin.resume().on("end", () => process.exit(0));
