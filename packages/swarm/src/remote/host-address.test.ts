import { expect, test } from "@jest/globals";
import { hostText, parseHostAddress, parseHostFile, parseHostList } from "./host-address.js";

test.each([
  ["10.0.0.5", "10.0.0.5:9190"],
  ["load-1.example:80", "load-1.example:80"],
  ["[fd00::5]:9200", "[fd00::5]:9200"],
  ["[fd00::5]", "[fd00::5]:9190"],
])("%s is %s", (text, expected) => {
  expect(hostText(parseHostAddress(text, "--agents"))).toBe(expected);
});

test.each(["", "a b", "host:0", "host:65536", "fd00::5", "http://host", "-x"])("%j is no address", (text) => {
  expect(() => parseHostAddress(text, "--agents")).toThrow("is no address: write host or host:port");
});

test("a list has each once", () => {
  expect(parseHostList("a, b:1").map(hostText)).toEqual(["a:9190", "b:1"]);
  expect(() => parseHostList("a,b,a:9190")).toThrow("--agents: a:9190 is in it twice");
});

test("a file has one a line, and names the line that is wrong", () => {
  expect(parseHostFile("# ours\na\n\nb:1 # slow\r\n", "hosts").map(hostText)).toEqual(["a:9190", "b:1"]);
  expect(() => parseHostFile("a\nb c\n", "hosts")).toThrow('hosts:2: "b c" is no address');
  expect(() => parseHostFile("# none\n", "hosts")).toThrow("hosts: there is no address in it");
});
