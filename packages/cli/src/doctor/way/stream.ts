/**
 * An event stream through the public URL: whether its first event comes while the stream goes on.
 */
import { type Fact, known, type StreamFacts, unknown } from "@holdfast/doctor";
import { WAY_THRESHOLDS } from "@holdfast/platform";
import { sentence } from "../../failure.js";
import { httpUrl, type WayOptions } from "./public-url.js";
import { NoAnswer, requestOf } from "./request.js";

/** Asked by a command, so that no channel has to be named. */
export async function readStream({
  url,
  token,
}: Pick<WayOptions, "url" | "token">): Promise<Fact<StreamFacts>> {
  const body = `${JSON.stringify({ id: 1, connect: token === undefined ? {} : { token } })}\n`;
  const headers = {
    "Content-Type": "text/plain",
    Accept: "text/event-stream",
    "Accept-Encoding": "gzip, br",
  };
  try {
    const { bufferedMs } = WAY_THRESHOLDS;
    const enough = (text: string): boolean => text.includes("\n\n");
    const asked = { url: httpUrl(url, "/sse"), method: "POST", headers, body, enough } as const;
    const answer = await requestOf(asked, bufferedMs.value);
    return known({
      status: answer.status,
      contentType: answer.headers["content-type"] ?? "",
      encoding: answer.headers["content-encoding"] ?? "",
      firstBytesMs: answer.firstBytesMs,
    });
  } catch (error) {
    if (error instanceof NoAnswer)
      return known({ status: 0, contentType: "", encoding: "", firstBytesMs: undefined });
    return unknown(`/sse is not answered (${sentence(error)})`);
  }
}
