/**
 * A static page: what the public port serves as it is.
 */

/** Something the public port serves as it is, such as the demo page. */
export interface StaticPage {
  readonly contentType: string;
  readonly body: string | Buffer;
  /** Whether pages of any origin may import it: a script without secrets, such as the SDK. Default: false. */
  readonly anyOrigin?: boolean;
}
