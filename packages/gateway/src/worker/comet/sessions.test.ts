import { describe, expect, test } from "@jest/globals";
import { type CometSession, CometSessions } from "./sessions.js";

const SID = "AAAB0123456789abcdef";
const ELSEWHERE = "BBBB0123456789abcdef";

class RecordedSession implements CometSession {
  superseded = 0;
  take(): void {}
  supersede(): void {
    this.superseded++;
  }
}

describe("a session's requests", () => {
  test("find it whichever worker has named it", () => {
    const sessions = new CometSessions();
    const session = new RecordedSession();
    sessions.set(SID, session);
    expect(sessions.get(ELSEWHERE)).toBe(session);
    sessions.set(ELSEWHERE, session);
    expect(session.superseded).toBe(0);
    expect(sessions.size).toBe(1);
  });

  test("go to its newest transport, and the one before ends once", () => {
    const sessions = new CometSessions();
    const [older, newer] = [new RecordedSession(), new RecordedSession()];
    sessions.set(SID, older);
    sessions.set(ELSEWHERE, newer);
    expect(sessions.get(SID)).toBe(newer);
    expect([older.superseded, newer.superseded]).toEqual([1, 0]);
    sessions.delete(SID, older);
    expect(sessions.get(SID)).toBe(newer);
    sessions.delete(SID, newer);
    expect(sessions.size).toBe(0);
  });
});
