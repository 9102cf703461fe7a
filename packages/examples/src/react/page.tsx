/** In the browser: takes over what the server has rendered. */
import { Client } from "@holdfast/client";
import { StrictMode } from "react";
import { hydrateRoot } from "react-dom/client";
import { App } from "./app.js";

declare const GATEWAY: string;

hydrateRoot(
  document.getElementById("root") as HTMLElement,
  <StrictMode>
    <App client={new Client(GATEWAY)} />
  </StrictMode>,
);
