/**
 * A probe through the public URL: an upgrade by whose name the gateway can say whom it took it for.
 *
 * It claims an address in X-Forwarded-For that is given to no machine, as any client may. Invariant: a
 * connection that was opened is ended at once.
 */
import { randomBytes } from "node:crypto";
import { type Fact, isKnown, mapped, type ProbeFacts, type TakenFor, unknown } from "@holdfast/doctor";
import { sentence } from "../../failure.js";
import { httpUrl } from "./public-url.js";
import { requestOf } from "./request.js";

const NAME_BYTES = 18;
/** RFC 5737: for documents. */
const CLAIMED = "192.0.2.77";

/** `askSeen`: asks the admin port for the probe of a name. */
export async function readProbe(
  url: URL,
  askSeen: (name: string) => Promise<Fact<TakenFor>>,
): Promise<Fact<ProbeFacts>> {
  const name = randomBytes(NAME_BYTES).toString("base64url");
  const headers = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    "X-Forwarded-For": CLAIMED,
    "Holdfast-Probe": name,
  };
  let from: { readonly address: string; readonly port: number } | undefined;
  try {
    ({ from } = await requestOf({ url: httpUrl(url, "/ws"), headers }));
  } catch (error) {
    return unknown(`an upgrade is not answered (${sentence(error)})`);
  }
  if (from === undefined) return unknown("the connection was gone before its address could be read");
  const own = { from: plain(from.address), fromPort: from.port, claimed: CLAIMED };
  const seen = await askSeen(name);
  return isKnown(seen) ? mapped(seen, (client) => ({ ...client, ...own })) : seen;
}

/** An IPv4 address in its own spelling. */
function plain(address: string): string {
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}
