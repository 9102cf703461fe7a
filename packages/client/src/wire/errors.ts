/**
 * HoldfastError: the one exception and error value of the SDK.
 *
 * Codes from 100 up are the server's (the protocol's table); 1–99 are made here and never travel.
 * Whatever a server sends as an error becomes a HoldfastError, however broken it is.
 */
import type { ErrorCode } from "@holdfast/protocol";
import { endings } from "./codes.js";
import { numberOr, textOr } from "./fields.js";

const own = (code: number, name: string, message: string, temporary = true): ErrorCode => ({
  code,
  name,
  message,
  temporary,
});

/** Errors that the client itself makes. Numbers never change meaning. */
export const clientErrors = Object.freeze({
  disconnected: own(1, "disconnected", "There is no connection."),
  timeout: own(2, "timeout", "No answer in time; unknown whether it was carried out."),
  busy: own(3, "busy", "Too many commands wait."),
  malformed: own(4, "malformed", "Not of this protocol."),
  transport: own(5, "transport", "The transport failed."),
  token: own(6, "token", "getToken failed."),
  closed: own(7, "closed", "The client is closed.", false),
});

export class HoldfastError extends Error {
  /** 1–99 of the client, from 100 of the server, from 3000 the code of a disconnect. */
  declare readonly code: number;
  /** Stable and short, such as `forbidden`. */
  declare readonly name: string;
  /** True when the same call may succeed later without any change. */
  declare readonly temporary: boolean;

  /** `detail` replaces the row's sentence where more is known. */
  constructor(row: ErrorCode, detail?: string, cause?: unknown) {
    super(detail ?? row.message, cause === undefined ? undefined : { cause });
    this.code = row.code;
    this.name = row.name;
    this.temporary = row.temporary;
  }

  /** The `error` of a reply, of which nothing is certain. */
  static fromReply(value: unknown): HoldfastError {
    const { code, name, message, temporary } = (value ?? {}) as Partial<Record<keyof ErrorCode, unknown>>;
    return new HoldfastError({
      code: numberOr(code, 100),
      name: textOr(name, "internal"),
      message: textOr(message, "The server failed."),
      temporary: temporary === true,
    });
  }

  /** The error for a bare code, as in an `unsubscribed` push: of the errors' table, or of a disconnect. */
  static fromCode(code: number): HoldfastError {
    const name = endings[code] ?? "ended";
    const temporary = code === 113 || (code >= 3000 && code < 3500);
    return new HoldfastError({ code, name, message: `The server ended this: ${code} ${name}.`, temporary });
  }
}
