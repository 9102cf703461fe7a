/**
 * AWS' services as fakes for tests. Not for production code.
 */
export { FakeAws, type KnownInstance } from "./fake-aws.js";
