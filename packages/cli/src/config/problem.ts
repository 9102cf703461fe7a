/**
 * Problems of a configuration: each with its path and the place it came from, all of them in one message.
 */
import { Failure } from "../failure.js";

export interface Problem {
  /**
   * The setting, dotted into its value: `namespaces.room.clientPublish`. Empty when it is the file as a
   * whole.
   */
  readonly path: string;
  /** Where the value came from: `--port`, `HOLDFAST_PORT`, `holdfast.json`, `default`. */
  readonly source: string;
  /** Goes on after the path: `must be …, not …`. */
  readonly message: string;
}

/** The configuration cannot be used. Exit code 2. */
export class ConfigProblems extends Failure {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(formatProblems(problems), 2);
    this.problems = problems;
  }
}

export function formatProblems(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return [`${count} in the configuration:`, ...problems.map((each) => `  ${formatProblem(each)}`)].join("\n");
}

/** One problem in one line. */
export function formatProblem({ path, source, message }: Problem): string {
  // An unknown flag or variable has no setting: its own name is both path and source.
  if (path === "" || path === source) return `${source} ${message}`;
  return `${path} ${message} [${source}]`;
}
