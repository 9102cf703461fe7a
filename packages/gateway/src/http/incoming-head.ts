/**
 * An incoming head: what a decision reads of a request, however the request was parsed.
 */
import type { IncomingHttpHeaders } from "node:http";

/** What is read of a request. `IncomingMessage` is one; so is a head parsed by other means. */
export interface RequestHead {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}
