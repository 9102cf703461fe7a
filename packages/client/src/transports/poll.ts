/**
 * Frames over long-polls: each `POST /poll` is answered with what there is, or held until there is something.
 * Commands by `POST /send`, so that a poll that is held need not end for them.
 *
 * A poll brings the cursor of the last answer, which acknowledges it. Invariants: one poll is under way at a
 * time; an answer that is lost on its way is asked for again with the same cursor, which brings the same
 * frames, so none is lost and none taken twice; at most `MAX_REPEATS` times in a row, with a growing pause.
 */

import { closingEnding, lostEnding } from "../wire/ending.js";
import { clientErrors, HoldfastError } from "../wire/errors.js";
import { isFields, isText, positive } from "../wire/fields.js";
import { isLost, Requests } from "./http-requests.js";
import type { ClientTransport, HttpOptions, TransportEvents } from "./transport.js";

/** Repeats in a row of a poll whose answer was lost. */
const MAX_REPEATS = 5;
/** The longest hold that a server can promise, ms: an hour. */
const MAX_HOLD_MS = 3_600_000;
/** The longest pause between two polls, ms. */
const MAX_PAUSE_MS = 5_000;

interface Answer {
  readonly sid: string;
  readonly cursor: unknown;
  readonly frames: readonly object[];
  /** How long a poll is held without news, ms. The first answer of a session tells. */
  readonly hold?: unknown;
  /** Not to be asked again before, ms. */
  readonly wait?: unknown;
  /** The session has ended, and nothing follows. */
  readonly close?: unknown;
}

/** `url` is that of the WebSocket. */
export function openPoll(url: string, options: HttpOptions, on: TransportEvents): ClientTransport {
  const requests = new Requests(url, options, on, run);

  async function run(connectRequest: string): Promise<void> {
    let last = await ask(`{"commands":[${connectRequest.replaceAll("\n", ",")}]}`, 0);
    const sid = last?.sid;
    let hold = 0;
    while (last !== undefined && !requests.isOver) {
      hold = Math.min(positive(last.hold, hold), MAX_HOLD_MS);
      on.heard(hold);
      // An empty answer says only that the server lives.
      if (last.frames.length > 0) on.message(last.frames.map((frame) => JSON.stringify(frame)).join("\n"));
      if (requests.isOver) return;
      if (isFields(last.close)) return requests.end(closingEnding(last.close));
      // The server has lost the session and made another from the cursor. What was asked of the old one is
      // lost.
      if (last.sid !== sid) return requests.end(lostEnding("another session"));
      const wait = positive(last.wait, 0);
      if (wait > 0) await requests.pauseFor(Math.min(wait, MAX_PAUSE_MS));
      last = await ask(JSON.stringify({ sid, cursor: last.cursor }), MAX_REPEATS);
    }
  }

  /** Undefined where it ended the transport, or was closed. */
  async function ask(body: string, repeats: number): Promise<Answer | undefined> {
    for (let lost = 0; !requests.isOver; lost++) {
      try {
        const response = await requests.post("poll", body);
        if (response.ok) return readAnswer(await response.json());
        if (lost >= repeats || !isLost(response)) {
          await requests.refused(response);
          return undefined;
        }
        await response.text();
      } catch (cause) {
        if (requests.isOver) return undefined;
        if (lost >= repeats) requests.end(lostEnding(String(cause)));
        else requests.problem(cause);
      }
      await requests.pauseBefore(lost);
    }
    return undefined;
  }

  return requests;
}

/** Throws for what is not an answer: then it counts as lost. */
function readAnswer(value: unknown): Answer {
  const answer = value as Answer;
  if (!isText(answer.sid) || !Array.isArray(answer.frames)) throw new HoldfastError(clientErrors.malformed);
  return answer;
}
