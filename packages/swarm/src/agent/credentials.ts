/**
 * What a comet client needs in order to send: its session's id, and the token that proves it, from its
 * `connect`.
 */

export interface SendCredentials {
  readonly sid: string;
  readonly token: string | undefined;
}

/** From the JSON text of a `connect` push, or of the batch that it is in; undefined without a `sid`. */
export function readCredentials(text: string): SendCredentials | undefined {
  const connect = text.slice(Math.max(0, text.indexOf('"connect":')));
  const sid = /"sid":"([^"\\]{1,256})"/.exec(connect)?.[1];
  const token = /"resumeToken":"([^"\\]{1,4096})"/.exec(connect)?.[1];
  return sid === undefined ? undefined : { sid, token };
}

/** The body of `POST /send` with one command. */
export function sendBody({ sid, token }: SendCredentials, command: string): string {
  const proof = token === undefined ? "" : `,"token":"${token}"`;
  return `{"sid":"${sid}"${proof},"commands":[${command}]}`;
}
