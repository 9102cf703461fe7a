/**
 * The chat's backend: gives each name a token, and publishes what its bearer says. A publication does not
 * tell its publisher, so the backend writes the name, and clients may not publish to the room themselves.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { admin, start } from "../start.js";

const { jwtSecret } = JSON.parse(readFileSync("holdfast.json", "utf8")) as { jwtSecret: string };
const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
const signature = (head: string): Buffer => createHmac("sha256", jwtSecret).update(head).digest();

function tokenOf(user: string): string {
  const exp = Math.floor(Date.now() / 1000) + 600;
  const head = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded({ sub: user, exp })}`;
  return `${head}.${signature(head).toString("base64url")}`;
}

function userOf(token: string): string {
  const [header = "", body = "", given = ""] = token.split(".");
  const [right, brought] = [signature(`${header}.${body}`), Buffer.from(given, "base64url")];
  if (brought.length !== right.length || !timingSafeEqual(brought, right))
    throw new Error("the token is not ours");
  const { sub, exp } = JSON.parse(Buffer.from(body, "base64url").toString()) as { sub: string; exp: number };
  if (exp * 1000 < Date.now()) throw new Error("the token has ended");
  return sub;
}

await start("page.ts", {
  // A real application asks for a password here.
  "/token": (_request, url) => tokenOf(url.searchParams.get("name") ?? "guest"),
  "/say": async (request) => {
    const from = userOf(request.headers.authorization?.replace("Bearer ", "") ?? "");
    await admin("/api/publish", { channel: "room:lobby", data: { from, text: await text(request) } });
    return "said";
  },
});
