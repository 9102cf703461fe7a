/**
 * The heads of answers to polls on bare handles, as bytes of HTTP.
 *
 * Made once a second as far as all answers have them alike: a fan-out asks for thousands.
 */
import type { Clock } from "@holdfast/core";
import { DateField } from "../../http/date-field.js";
import { answerBytes, type HttpAnswer } from "../../http/http-answer.js";

export class AnswerHeads {
  readonly #date: DateField;
  #madeAt = "";
  #keeping = "";
  #ending = "";

  constructor(clock: Pick<Clock, "now">) {
    this.#date = new DateField(clock);
  }

  /** The lines of a poll's answer up to those that are its own. `isLast`: its connection ends with it. */
  opening(isLast: boolean): string {
    const { now } = this.#date;
    if (now !== this.#madeAt) {
      this.#madeAt = now;
      this.#keeping = openingOf("keep-alive", now);
      this.#ending = openingOf("close", now);
    }
    return isLast ? this.#ending : this.#keeping;
  }

  /** Any other answer, whole. */
  whole(answer: HttpAnswer, isLast: boolean): Buffer {
    return answerBytes(answer, this.#date.now, false, isLast ? "close" : "keep-alive");
  }
}

function openingOf(connection: string, date: string): string {
  return (
    `HTTP/1.1 200 OK\r\nConnection: ${connection}\r\nDate: ${date}\r\n` +
    "Content-Type: application/json; charset=utf-8\r\nCache-Control: no-store\r\n" +
    "X-Content-Type-Options: nosniff\r\n"
  );
}
