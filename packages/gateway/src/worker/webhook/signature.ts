/**
 * The signature of a webhook's request: proof for the application that the gateway asks, and when.
 *
 *     Holdfast-Timestamp: <seconds since 1970>
 *     Holdfast-Signature: v1=<hex of HMAC-SHA256(secret, timestamp "." body)>
 *
 * The timestamp is signed too, so that a recorded request is of no use later.
 */
import { createHmac } from "node:crypto";

export interface SignatureHeaders {
  readonly "Holdfast-Timestamp": string;
  readonly "Holdfast-Signature": string;
}

export function signatureOf(secret: string, nowMs: number, body: string): SignatureHeaders {
  const timestamp = String(Math.floor(nowMs / 1000));
  const mac = createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
  return { "Holdfast-Timestamp": timestamp, "Holdfast-Signature": `v1=${mac}` };
}
