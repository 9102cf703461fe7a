/**
 * Settings → how it is known who a client is: by tokens, and by asking the application.
 */
import type { KeySource, TokenOptions, WebhookOptions } from "@holdfast/gateway";
import type { Settings } from "../config/schema.js";

/** How tokens are checked; undefined where there are no keys. */
export function tokenOptions(settings: Settings): TokenOptions | undefined {
  const keys = keySourceOf(settings);
  const { jwtAudience: audience, jwtIssuer: issuer, jwtLeeway: leewayMs } = settings;
  return keys && { keys, audience, issuer, leewayMs };
}

/** How the application is asked; undefined where it is not. */
export function webhookOptions(settings: Settings): WebhookOptions | undefined {
  const { webhookConnectUrl: connect, webhookSubscribeUrl: subscribe, webhookPublishUrl: publish } = settings;
  const { webhookSecret: secret } = settings;
  if (secret === undefined) return undefined;
  return {
    urls: {
      ...(connect !== undefined && { connect }),
      ...(subscribe !== undefined && { subscribe }),
      ...(publish !== undefined && { publish }),
    },
    headers: settings.webhookHeaders,
    secret,
    timeoutMs: settings.webhookTimeout,
    concurrency: settings.webhookConcurrency,
    maxWaiting: settings.webhookQueue,
  };
}

function keySourceOf({ jwtSecret, jwtPublicKey, jwksUrl }: Settings): KeySource | undefined {
  if (jwtSecret !== undefined) return { kind: "secret", secret: jwtSecret };
  if (jwtPublicKey !== undefined) return { kind: "publicKey", text: jwtPublicKey };
  return jwksUrl === undefined ? undefined : { kind: "jwks", url: jwksUrl };
}
