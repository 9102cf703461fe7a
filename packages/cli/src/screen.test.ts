import { EventEmitter } from "node:events";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { ProcessScreen, type ScreenInput, type ScreenOutput } from "./screen.js";

class Input extends EventEmitter implements ScreenInput {
  raw: boolean[] = [];
  isReading = false;
  setRawMode(mode: boolean): void {
    this.raw.push(mode);
  }
  setEncoding(): void {}
  resume(): void {
    this.isReading = true;
  }
  pause(): void {
    this.isReading = false;
  }
}

class Output extends EventEmitter implements ScreenOutput {
  readonly columns = 80;
  readonly rows = 24;
  text = "";
  takes = true;
  write(text: string): boolean {
    this.text += text;
    return this.takes;
  }
}

describe("the screen of a terminal", () => {
  let input: Input;
  let output: Output;
  let owner: EventEmitter;
  let screen: ProcessScreen;
  let happened: string[];
  beforeEach(() => {
    [input, output, owner, happened] = [new Input(), new Output(), new EventEmitter(), []];
    screen = new ProcessScreen(input, output, owner);
    screen.open({
      input: (text) => happened.push(text),
      resized: () => happened.push("resized"),
      gone: () => happened.push("gone"),
    });
  });

  it("takes the alternate screen, and gives it back once", () => {
    expect(output.text).toBe("\x1b[?1049h\x1b[?25l\x1b[2J");
    output.text = "";
    screen.close();
    screen.close();
    expect(output.text).toBe("\x1b[0m\x1b[?25h\x1b[?1049l");
    expect(input.raw).toEqual([true, false]);
    expect(input.isReading).toBe(false);
    const left = [input, output, owner].flatMap((each) => each.eventNames());
    expect(left).toEqual([]);
  });

  it("is given back at the end of the process, whatever ended it", () => {
    owner.emit("exit", 1);
    expect(output.text).toMatch(/\[\?1049l$/);
    expect(input.raw.at(-1)).toBe(false);
  });

  it("tells of keys, a new size, and a terminal that is gone", () => {
    input.emit("data", "q");
    output.emit("resize");
    owner.emit("SIGHUP");
    owner.emit("SIGQUIT");
    input.emit("end");
    expect(happened).toEqual(["q", "resized", "gone", "gone", "gone"]);
  });

  it("draws over what was there, and nothing after its end", () => {
    output.text = "";
    screen.draw(["a", "b"]);
    expect(output.text).toBe("\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J");
    screen.close();
    output.text = "";
    screen.draw(["c"]);
    expect(output.text).toBe("");
  });

  it("holds one frame, the newest, for a terminal that is slow", () => {
    output.takes = false;
    screen.draw(["1"]);
    output.text = "";
    for (const line of ["2", "3", "4"]) screen.draw([line]);
    expect(output.text).toBe("");
    output.takes = true;
    output.emit("drain");
    expect(output.text).toBe("\x1b[H4\x1b[K\x1b[J");
  });
});
