/**
 * The public ports: `8080`, a range `8080-8099`, or `0` for a free one.
 *
 * A range exists because a load balancer reaches about 55,000 connections per target port.
 * Invariant: the ports are consecutive and ascend.
 */
import { z } from "zod";
import { mustBe, type Shape } from "./shape.js";

const MAX_PORT = 65_535;
const MAX_PORTS = 256;
const FORM = `a port, or a range of at most ${MAX_PORTS} ports such as 8080-8099`;

/** The ports that `text` names, or undefined when it names none. */
export function parsePorts(text: string): readonly number[] | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? first);
  const count = last - first + 1;
  if (last > MAX_PORT || count < 1 || count > MAX_PORTS || (first === 0 && count > 1)) return undefined;
  return Array.from({ length: count }, (_, index) => first + index);
}

export function formatPorts(ports: readonly number[]): string {
  const last = ports.at(-1);
  return ports.length === 1 ? `${ports[0]}` : `${ports[0]}-${last}`;
}

export function ports(): Shape<readonly number[]> {
  const rule = mustBe(FORM);
  return {
    schema: z.codec(z.union([z.string(), z.number()], rule), z.array(z.number()).readonly(), {
      decode: (written, context) => {
        const found = parsePorts(String(written));
        if (found !== undefined) return [...found];
        context.issues.push({ code: "custom", input: written, message: rule.error({ input: written }) });
        return z.NEVER;
      },
      encode: (value) => (value.length === 1 ? (value[0] ?? 0) : formatPorts(value)),
    }),
    placeholder: "ports",
    form: FORM,
    readText: (text) => (/^\d{1,5}$/.test(text) ? Number(text) : text),
    toText: String,
  };
}
