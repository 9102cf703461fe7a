/**
 * Names of properties that are used inside the bundle only, and that it therefore shortens.
 *
 * Invariant: none is a name of the public API, of the wire, of the platform, or written as text anywhere; src/bundle.test.ts checks it.
 */
export const INTERNAL_NAMES = Object.freeze(
  `better addConnect arrive asked catchUp upgradeAfter upgraded current dial doubt doubted announce forgetPending sendConnect heard toBeHad
  needsToken nextId notBeforeMs old pauseBefore positionOf probe problem received refused renewable renewed
  seen settle skip stateOf stored terminal told wanted whenIdle wire wish worked isOver endedBy pauseFor releaseHandle wantAgain`.split(
    /\s+/,
  ),
);
