/**
 * One setting: its schema, and what its documentation says.
 *
 * The names follow from the key and are never written down a second time: `maxPayload` is `--max-payload` and
 * `HOLDFAST_MAX_PAYLOAD`.
 */
import type { z } from "zod";
import type { Shape } from "./values/shape.js";

export interface About {
  /** What it decides and what it trades, in one or two sentences. */
  readonly description: string;
  /** As in holdfast.json. */
  readonly example: unknown;
  /** What must not be shown: the whole value, or the password and the query of a URL. */
  readonly secret?: "value" | "password";
  /** A reload changes it. Otherwise it stays until a restart: what listens, joins and counts is made once. */
  readonly reload?: true;
  /** What the default stands for, where its written form does not say it. */
  readonly defaultMeans?: string;
}

export interface Setting<Value = unknown> extends About {
  readonly shape: Shape<unknown>;
  /** The shape's schema with its default. */
  readonly schema: z.ZodType<Value>;
  /** The written form; undefined when the setting is unset by default. */
  readonly default: unknown;
}

/** A setting that always has a value. The default is in its written form. */
export function setting<Value>(
  shape: Shape<Value>,
  about: About & { readonly default: unknown },
): Setting<Value> {
  return Object.freeze({ ...about, shape, schema: shape.schema.prefault(about.default) });
}

/** A setting that may be unset. */
export function optional<Value>(shape: Shape<Value>, about: About): Setting<Value | undefined> {
  return Object.freeze({ ...about, shape, schema: shape.schema.optional(), default: undefined });
}

/** `maxPayload` → `--max-payload` */
export function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `maxPayload` → `HOLDFAST_MAX_PAYLOAD` */
export function envOf(key: string): string {
  return `HOLDFAST_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
