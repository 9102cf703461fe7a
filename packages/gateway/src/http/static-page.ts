/**
 * A static page: what a port serves as it is.
 */

/** Something that a port serves as it is, such as the demo page. */
export interface StaticPage {
  readonly contentType: string;
  readonly body: string | Buffer;
  /** Whether pages of any origin may import it: a script without secrets, such as the SDK. Default: false. */
  readonly anyOrigin?: boolean;
}
