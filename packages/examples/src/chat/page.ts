/** The chat's page: what was said before it came, what is said now, and who is in the room. */
import { Client } from "@holdfast/client";

declare const GATEWAY: string;
interface Said {
  readonly from: string;
  readonly text: string;
}

const ROOM = "room:lobby";
const element = (id: string): HTMLElement => document.getElementById(id) as HTMLElement;
const name = new URLSearchParams(location.search).get("name");

function line(words: string): HTMLElement {
  const item = document.createElement("li");
  item.textContent = words;
  return item;
}

function show({ data }: { readonly data: Said }): void {
  element("messages").append(line(`${data.from}: ${data.text}`));
}

async function enter(user: string): Promise<void> {
  const getToken = async (): Promise<string> =>
    (await fetch(`/token?name=${encodeURIComponent(user)}`)).text();
  const client = new Client(GATEWAY, { getToken });
  client.on("state", (state) => {
    element("state").textContent = state.name;
  });
  await client.connect();
  const { publications, offset, epoch } = await client.history<Said>(ROOM, { limit: 50, reverse: true });
  for (const publication of publications.toReversed()) show(publication);
  // Goes on where the history ended, so nothing is missed or shown twice.
  const room = client.subscribe<Said>(ROOM, show, { since: { offset, epoch }, presence: true });
  room.on("presence", ({ members }) => {
    element("people").replaceChildren(...members.map((member) => line(member.user ?? "a guest")));
  });
  room.on("gap", () => element("messages").append(line("(some messages are missing here)")));
  element("say").addEventListener("submit", async (event) => {
    event.preventDefault();
    const input = element("text") as HTMLInputElement;
    const headers = { Authorization: `Bearer ${await getToken()}` };
    await fetch("/say", { method: "POST", headers, body: input.value });
    input.value = "";
  });
}

element(name ? "enter" : "chat").hidden = true;
if (name) void enter(name);
