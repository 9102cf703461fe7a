/**
 * The demo page: one client, the channels it subscribes to, and what arrives.
 *
 * Shows what the SDK does and nothing more. Everything from the network is written as text, never as HTML.
 */
import { Client } from "/holdfast.js";

/** Lines kept on the page. */
const MAX_LINES = 200;

const element = (id) => document.getElementById(id);
/** Of the newest token. */
let client = new Client("/ws");
/** Channel name to its subscription. */
const subscriptions = new Map();

function line(source, text, className = "") {
  const item = document.createElement("li");
  const time = document.createElement("time");
  const now = new Date();
  time.dateTime = now.toISOString();
  time.textContent = now.toLocaleTimeString();
  const name = document.createElement("b");
  name.textContent = source;
  const content = document.createElement("span");
  content.className = className;
  content.textContent = text;
  item.append(time, name, content);
  const log = element("log");
  log.prepend(item);
  while (log.childElementCount > MAX_LINES) log.lastElementChild.remove();
}

/** Data as a person reads it: text as it is, anything else as JSON. */
function readable(data) {
  return typeof data === "string" ? data : JSON.stringify(data);
}

function showProblem(problem) {
  element("problem").textContent = problem;
}

function showState() {
  const { state } = client;
  const shown = element("state");
  shown.dataset.state = state.name;
  shown.textContent = describe(state);
}

function describe(state) {
  if (state.name === "waiting") {
    const seconds = Math.max(0, Math.ceil((state.retryAt - Date.now()) / 1000));
    return `waiting (${state.reason}), next attempt in ${seconds} s`;
  }
  return state.name === "closed" ? `closed: ${state.reason}` : state.name;
}

function showChannels() {
  const items = [...subscriptions].map(([channel, subscription]) => {
    const item = document.createElement("li");
    item.dataset.state = subscription.state;
    const name = document.createElement("span");
    name.textContent = channel;
    const leave = document.createElement("button");
    leave.type = "button";
    leave.textContent = "×";
    leave.setAttribute("aria-label", `Unsubscribe from ${channel}`);
    leave.addEventListener("click", () => subscription.unsubscribe());
    item.append(name, leave);
    return item;
  });
  element("channels").replaceChildren(...items);
}

function subscribe(channel) {
  if (subscriptions.has(channel)) return;
  const subscription = client.subscribe(channel, ({ data }) => line(channel, readable(data)));
  subscription.on("subscribed", showChannels);
  subscription.on("error", (error) => {
    showProblem(`${channel}: ${error.message}`);
    if (!error.temporary) askForToken();
  });
  subscription.on("unsubscribed", () => {
    if (subscriptions.get(channel) === subscription) subscriptions.delete(channel);
    showChannels();
  });
  subscriptions.set(channel, subscription);
  showChannels();
}

element("subscribing").addEventListener("submit", (event) => {
  event.preventDefault();
  showProblem("");
  try {
    subscribe(element("channel").value.trim());
  } catch (error) {
    showProblem(error.message);
  }
});

element("publishing").addEventListener("submit", async (event) => {
  event.preventDefault();
  showProblem("");
  const text = element("text");
  const channel = element("channel").value.trim();
  try {
    await client.publish(channel, text.value);
    text.value = "";
    text.focus();
  } catch (error) {
    const hint = error.name === "forbidden" ? " Pages may publish to demo: channels only." : "";
    showProblem(`${channel}: ${error.message}${hint}`);
  }
});

/** Opens the form once; a visitor that closed it is not asked again. */
function askForToken() {
  if (asked) return;
  asked = true;
  element("identity").open = true;
}
let asked = false;

function begin() {
  client.on("state", (state) => {
    showState();
    showChannels();
    if (state.name === "closed" && state.by === "server") askForToken();
  });
  client.on("broadcast", (data) => line("everyone", readable(data)));
  client.on("message", (data) => line("you", readable(data)));
  client.on("drain", ({ reconnectAfter, reason }) =>
    line("gateway", `asks to come back in ${reconnectAfter} ms (${reason})`, "note"),
  );
  client.connect();
  showState();
}

element("authorizing").addEventListener("submit", (event) => {
  event.preventDefault();
  showProblem("");
  const token = element("token").value.trim();
  const channels = new Set([...subscriptions.keys(), element("channel").value.trim()]);
  client.close();
  subscriptions.clear();
  try {
    client = new Client("/ws", token === "" ? {} : { token });
    begin();
    for (const channel of channels) subscribe(channel);
  } catch (error) {
    showProblem(error.message);
  }
});

// The time to the next attempt runs down.
setInterval(() => client.state.name === "waiting" && showState(), 1000);

const scheme = location.protocol === "https:" ? "wss" : "ws";
element("plain").textContent = `${scheme}://${location.host}/ws?channels=demo:lobby&format=raw`;
if (location.host !== "127.0.0.1:8080")
  element("listen").textContent += ` --url ${scheme}://${location.host}/ws`;
subscribe("demo:lobby");
begin();
