import { codecs } from "@holdfast/core";
import { describe, expect, it } from "@jest/globals";
import { originCheck } from "../../http/origin.js";
import { cometPath, decideComet } from "./decision.js";

const POLICY = { mayComeFrom: originCheck(["https://app.example"]), maxChannels: 100, tokenInUrl: false };

function decide(method: string, url: string, headers: Record<string, string> = {}) {
  const head = { method, url, headers: { host: "gateway.example", ...headers } };
  const path = cometPath(head);
  if (path === undefined) throw new Error("not comet's");
  return decideComet(head, path, POLICY);
}

function answerTo(...asked: Parameters<typeof decide>) {
  const decision = decide(...asked);
  if (decision.kind !== "answer") throw new Error(decision.kind);
  return decision.answer;
}

describe("the decision about a comet request", () => {
  it("leaves other addresses alone", () => {
    for (const url of ["/", "/ssee", "/ws?/sse", "/sse/", "/toString"])
      expect(cometPath({ url, headers: {} })).toBeUndefined();
  });

  it("opens a stream for a URL with channels", () => {
    expect(decide("GET", "/sse?channels=a,b")).toEqual({
      kind: "stream",
      channels: ["a", "b"],
      codec: codecs.objects,
      cursor: undefined,
      token: undefined,
      ticket: undefined,
    });
    expect(decide("GET", "/sse?channels=a&format=raw")).toMatchObject({ codec: codecs.raw });
  });

  it("goes on by Last-Event-ID, which is newer than the URL's cursor", () => {
    const id = { "last-event-id": ";;;a=2:k" };
    const since = new Map([["a", { offset: 2, epoch: "k" }]]);
    expect(decide("GET", "/sse?channels=a&cursor=%3B%3B%3Ba%3D1:k", id)).toMatchObject({
      cursor: { positions: since },
    });
    expect(decide("GET", "/sse?channels=a&cursor=%3B%3B%3Ba%3D1:k")).toMatchObject({
      cursor: { positions: new Map([["a", { offset: 1, epoch: "k" }]]) },
    });
    expect(decide("GET", "/sse?channels=a", { "last-event-id": "41" })).toMatchObject({ cursor: undefined });
  });

  it("takes a place from the URL, but no proof, which logs would keep", () => {
    const proof = "AAAA0123456789abcdef;;a-resume-token-of-more-than-24-characters;a=3:k";
    const positions = new Map([["a", { offset: 3, epoch: "k" }]]);
    const byUrl = decide("GET", `/sse?channels=a&cursor=${encodeURIComponent(proof)}`);
    expect(byUrl).toMatchObject({ cursor: { token: undefined, positions } });
    expect(decide("GET", "/sse?channels=a", { "last-event-id": proof })).toMatchObject({
      cursor: { token: "a-resume-token-of-more-than-24-characters", positions },
    });
  });

  it("refuses what another site's page reads without saying its origin", () => {
    const from = (site: string) => ({ "sec-fetch-site": site });
    for (const site of ["cross-site", "same-site"])
      for (const method of ["GET", "HEAD"])
        expect(answerTo(method, "/sse?channels=a", from(site)).status).toBe(403);
    for (const site of ["same-origin", "none"])
      expect(decide("GET", "/sse?channels=a", from(site)).kind).toBe("stream");
    // Its origin says that it may.
    const listed = { ...from("cross-site"), origin: "https://app.example" };
    expect(decide("GET", "/sse?channels=a", listed).kind).toBe("stream");
  });

  it("asks a browser for a host that no stranger's DNS leads here, also where it says neither origin nor site", () => {
    const near = { ...POLICY, mayComeFrom: originCheck(undefined, true) };
    const asked = (headers: Record<string, string>) =>
      decideComet({ method: "GET", url: "/sse?channels=a", headers }, "/sse", near).kind;
    const encoding = { "accept-encoding": "gzip, deflate" };
    expect(asked({ host: "gw.attacker.example", ...encoding })).toBe("answer");
    expect(asked({ host: "gw.attacker.example", "sec-fetch-site": "same-origin" })).toBe("answer");
    expect(asked({ host: "localhost:8080", ...encoding })).toBe("stream");
    // A program, or a proxy that checks whether it is alive.
    expect(asked({ host: "gw.inner.example" })).toBe("stream");
  });

  it("takes a bearer token, and none from the URL", () => {
    expect(decide("GET", "/sse?channels=a", { authorization: "Bearer x.y.z" })).toMatchObject({
      token: "x.y.z",
    });
    expect(answerTo("GET", "/sse?channels=a&token=x").status).toBe(400);
  });

  it("reads the body of a POST", () => {
    for (const path of ["/sse", "/send", "/poll"] as const)
      expect(decide("POST", `${path}?sid=AAAA0123456789abcdef`)).toEqual({ kind: "body", path });
  });

  it("answers 405 to other methods, and says which there are", () => {
    expect(answerTo("PUT", "/sse").headers.Allow).toBe("GET, HEAD, POST, OPTIONS");
    expect(answerTo("GET", "/poll")).toMatchObject({ status: 405, headers: { Allow: "POST, OPTIONS" } });
    expect(answerTo("DELETE", "/send").status).toBe(405);
  });

  it("answers HEAD like GET, without a stream", () => {
    const { status, headers, body } = answerTo("HEAD", "/sse?channels=a");
    expect(status).toBe(200);
    expect(headers["Content-Type"]).toBe("text/event-stream; charset=utf-8");
    expect(body).toBeUndefined();
  });

  it("lets pages of allowed origins read answers, errors included, and no others ask", () => {
    const origin = "https://app.example";
    const preflight = answerTo("OPTIONS", "/poll", { origin });
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      "Access-Control-Allow-Origin": origin,
      "Access-Control-Allow-Methods": "POST, OPTIONS",
      Vary: "Origin",
    });
    expect(answerTo("GET", "/sse", { origin }).headers["Access-Control-Allow-Origin"]).toBe(origin);
    expect(answerTo("OPTIONS", "/poll", { origin: "https://evil.example" }).status).toBe(403);
    expect(answerTo("POST", "/poll", { origin: "https://evil.example" }).status).toBe(403);
  });

  it("refuses more than a browser could come back with in a header", () => {
    const names = Array.from({ length: 60 }, (_, i) => `${"x".repeat(100)}${i}`);
    expect(answerTo("GET", `/sse?channels=${names.join()}`).status).toBe(400);
    expect(decide("GET", `/sse?channels=${names.slice(0, 30).join()}`).kind).toBe("stream");
  });
});
