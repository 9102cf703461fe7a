/**
 * The commands that a server of this package takes on stdin, each answered with a line of JSON; the end of
 * stdin is the end of the server.
 */
import { createInterface } from "node:readline";

export interface Publisher {
  publish(channel: string, text: string): void;
}

/** Says that the server is ready, then obeys until stdin ends. */
export async function obey(ready: object, publisher: Publisher): Promise<void> {
  console.log(JSON.stringify({ ready: true, ...ready }));
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, number, ...rest] = line.split(" ");
    const [channel = "", text = ""] = rest;
    if (command === "publish") for (let i = 0; i < Number(number); i++) publisher.publish(channel, text);
    else if (command === "each") for (let i = 0; i < Number(number); i++) publisher.publish(`c${i}`, channel);
    console.log('{"done":true}');
  }
  process.exit();
}

/** As ours: further connections wait in the kernel. */
export const BACKLOG = 16_384;
