/**
 * The start of the dashboard, in the one element of its page.
 */
import { render } from "preact";
import { AdminClient } from "./api/admin-client.js";
import { App } from "./view/app.js";

const root = document.getElementById("app");
if (root !== null) {
  render(<App client={new AdminClient((input, init) => fetch(input, init))} />, root);
}
