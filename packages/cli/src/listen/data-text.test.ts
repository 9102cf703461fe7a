import { expect, it } from "@jest/globals";
import { withDataAsText } from "./data-text.js";

const data = '{"n": 12345678901234567890, "data":1.10}';
const text = JSON.stringify(data);

it.each([
  [`{"publication":{"channel":"a","data":${data}}}`, `{"publication":{"channel":"a","data":${text}}}`],
  [`{"broadcast":{"data":${data}}}`, `{"broadcast":{"data":${text}}}`],
  [
    `{"id":2,"history":{"offset":1,"epoch":"e","publications":[{"offset":1,"data":${data}}]}}`,
    `{"id":2,"history":{"offset":1,"epoch":"e","publications":[{"offset":1,"data":${text}}]}}`,
  ],
  [
    `{"id":1,"connect":{"sid":"s","subs":{"data":{"publications":[{"offset":1,"data":${data}}]}}}}`,
    `{"id":1,"connect":{"sid":"s","subs":{"data":{"publications":[{"offset":1,"data":${text}}]}}}}`,
  ],
  [`{}\n{"broadcast":{"data":1e999}}`, '{}\n{"broadcast":{"data":"1e999"}}'],
])("keeps data as it was written: %s", (frame, expected) => {
  expect(withDataAsText(frame)).toBe(expected);
});
