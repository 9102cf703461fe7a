/**
 * The tools that recipes of docs/operations.md are tried with, at fixed versions.
 */
import { type Installed, npmTool, pythonWith } from "./installed-tools.js";

export function artillery(): Promise<Installed> {
  return npmTool("artillery", "2.0.21");
}

/** A Python that has httpx-sse. */
export function httpxSse(): Promise<Installed> {
  return pythonWith("httpx-sse", ["httpx==0.28.1", "httpx-sse==0.4.3"]);
}
