/** On the server: renders the same App, which connects only in a browser. */
import { readFileSync } from "node:fs";
import { Client } from "@holdfast/client";
import { StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { GATEWAY, start } from "../start.js";
import { App } from "./app.js";

await start("page.tsx", {
  "/": () => {
    const app = renderToString(
      <StrictMode>
        <App client={new Client(GATEWAY)} />
      </StrictMode>,
    );
    return readFileSync("index.html", "utf8").replace("<!--app-->", app);
  },
});
