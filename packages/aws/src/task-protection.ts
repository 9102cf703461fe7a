/**
 * The protection of an ECS task against scale-in and deployments, by the endpoint that the ECS agent gives to
 * each container (`$ECS_AGENT_URI`).
 *
 * Source: amazon-ecs-developer-guide, task-scale-in-protection-endpoint. It does not keep ECS from replacing
 * a task whose health check fails, nor from `StopTask`. Invariant: what the endpoint refused is an error.
 */
import { ECS } from "@holdfast/platform";

export interface TaskProtection {
  /** Protects the task for so many minutes from now on; again, it begins anew. */
  protect(minutes: number): Promise<void>;
  release(): Promise<void>;
}

const PATH = "/task-protection/v1/state";
const TIMEOUT_MS = 5_000;
const MAX_SHOWN = 300;
const ANSWER_MOST_BYTES = 64 * 1024;

export class EcsTaskProtection implements TaskProtection {
  readonly #url: string;

  /** `agentUri`: the value of `ECS_AGENT_URI`. */
  constructor(agentUri: string) {
    this.#url = `${agentUri.replace(/\/$/, "")}${PATH}`;
  }

  async protect(minutes: number): Promise<void> {
    const { protectionLeast, protectionMost } = ECS;
    const bounded = Math.min(protectionMost.value, Math.max(protectionLeast.value, Math.ceil(minutes)));
    await this.#put({ ProtectionEnabled: true, ExpiresInMinutes: bounded });
  }

  async release(): Promise<void> {
    await this.#put({ ProtectionEnabled: false });
  }

  async #put(body: {
    readonly ProtectionEnabled: boolean;
    readonly ExpiresInMinutes?: number;
  }): Promise<void> {
    const response = await fetch(this.#url, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await textOf(response);
    // A refusal may come with 200: as `failure`, of the API, or `error`, of the endpoint.
    if (response.ok && protectionOf(text) === body.ProtectionEnabled) return;
    throw new Error(`ECS answered ${response.status} to a task protection: ${text.slice(0, MAX_SHOWN)}`);
  }
}

function protectionOf(text: string): boolean | undefined {
  try {
    const { protection } = JSON.parse(text) as { protection?: { ProtectionEnabled?: unknown } | null };
    const enabled = protection?.ProtectionEnabled;
    return typeof enabled === "boolean" ? enabled : undefined;
  } catch {
    return undefined;
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > ANSWER_MOST_BYTES) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
