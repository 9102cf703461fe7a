/**
 * Names of properties that no one outside of the bundle sees, and that it therefore shortens.
 *
 * Invariant: none is a name of the public API, of the wire, of the platform, or written as text anywhere; src/bundle.test.ts checks it.
 */
export const INTERNAL_NAMES = Object.freeze(
  `above addConnect arrive asked catchUp climbAfter climbed current dial doubt doubted announce forgetPending greet heard toBeHad
  needsToken nextId notBeforeMs old pauseBefore perSession positionOf probe problem received refused renewable renewed
  seen settle skip stateOf stored terminal told wanted welcomed whenIdle wire wish worked isOver endedBy pauseFor releaseHandle wantAgain`.split(
    /\s+/,
  ),
);
