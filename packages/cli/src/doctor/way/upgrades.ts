/**
 * Upgrades through the public URL: one as a client asks it, one as a page of a foreign site would.
 *
 * Owns the handshake of RFC 6455, 4.1. Invariant: a connection that was opened is ended at once.
 */
import { createHash, randomBytes } from "node:crypto";
import { type Fact, known, type OutsideFacts, unknown } from "@holdfast/doctor";
import { SUBPROTOCOL } from "@holdfast/protocol";
import { sentence, systemCode } from "../../failure.js";
import { httpUrl, type WayOptions } from "./public-url.js";
import { requestOf, type WayAnswer } from "./request.js";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** RFC 2606: a name that is never given away. */
const FOREIGN = "https://holdfast-doctor.invalid";

type UpgradeFacts = Pick<OutsideFacts, "upgrade" | "subprotocol" | "foreignOrigin">;

export async function readUpgrades({ url }: Pick<WayOptions, "url">): Promise<UpgradeFacts> {
  const key = randomBytes(16).toString("base64");
  const [own, foreign] = await Promise.all([upgradeOf(url, key), upgradeOf(url, key, { Origin: FOREIGN })]);
  if ("unknown" in own) return { upgrade: own, subprotocol: own, foreignOrigin: own };
  const { status, headers } = own.value;
  const accept = createHash("sha1")
    .update(key + GUID)
    .digest("base64");
  return {
    upgrade: known({ status, isAccepted: headers["sec-websocket-accept"] === accept }),
    subprotocol:
      status === 101
        ? known({ asked: SUBPROTOCOL, chosen: headers["sec-websocket-protocol"] })
        : unknown(`the upgrade is answered with ${status} (HF-O011)`),
    foreignOrigin: "unknown" in foreign ? foreign : known(foreign.value.status),
  };
}

async function upgradeOf(url: URL, key: string, more: Record<string, string> = {}): Promise<Fact<WayAnswer>> {
  const headers = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Protocol": SUBPROTOCOL,
    ...more,
  };
  try {
    return known(await requestOf({ url: httpUrl(url, "/ws"), headers }));
  } catch (error) {
    if (systemCode(error) === "ECONNREFUSED")
      return unknown(`an upgrade is not answered (${sentence(error)})`);
    // The connection ended, or no head came: that is how the way answers.
    return known({ status: 0, headers: {}, text: "", firstBytesMs: undefined, from: undefined });
  }
}
