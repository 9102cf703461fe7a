/**
 * The instance metadata service (IMDSv2) and the API of Auto Scaling over HTTP, for fake instances.
 *
 * Each instance has its own metadata address. A question without a token is refused with 401, as where IMDSv2
 * is required.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** An instance as the two services know it. */
export interface KnownInstance {
  readonly id: string;
  /** Of its metadata: what is to become of it. */
  readonly targetState: string;
  /** Of Auto Scaling: what it is. */
  readonly lifecycleState: string;
  readonly isRebalanced: boolean;
  readonly isMetadataFailing: boolean;
  readonly isApiThrottled: boolean;
  /** False: refused, for there is no active lifecycle action. */
  heartbeat(): boolean;
  complete(): boolean | Promise<boolean>;
}

const TOKEN = "a-token-of-the-metadata-service";

export class FakeAws {
  readonly #server: Server;
  readonly #instances = new Map<string, KnownInstance>();
  /** Bodies of PutMetricData, decoded where they can be. */
  readonly reports: Buffer[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `host`: an address of this machine that the agents reach; default 127.0.0.1. */
  static async start(host = "127.0.0.1"): Promise<FakeAws> {
    const server = createServer();
    const fake = new FakeAws(server);
    server.on("request", (request, response) => void fake.#answer(request, response));
    server.listen(0, host);
    await once(server, "listening");
    return fake;
  }

  add(instance: KnownInstance): void {
    this.#instances.set(instance.id, instance);
  }

  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  metadataOf(instance: KnownInstance): string {
    return `${this.url}/${instance.id}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const url = request.url ?? "";
    if (url === "/latest/api/token") return void response.end(TOKEN);
    if (request.method === "GET") return this.#metadata(request, url, response);
    if (request.headers["content-type"]?.includes("urlencoded") && body.includes("Action=")) {
      return this.#autoScaling(new URLSearchParams(body.toString()), response);
    }
    this.reports.push(body);
    response.setHeader("smithy-protocol", "rpc-v2-cbor");
    response.setHeader("content-type", "application/cbor");
    response.end(Buffer.from([0xa0]));
  }

  #metadata(request: IncomingMessage, url: string, response: ServerResponse): void {
    const [, id = "", path = ""] = /^\/([^/]+)\/latest\/meta-data\/(.+)$/.exec(url) ?? [];
    const instance = this.#instances.get(id);
    const status = (code: number): void => void response.writeHead(code).end();
    if (instance === undefined) return status(404);
    if (instance.isMetadataFailing) return status(503);
    if (request.headers["x-aws-ec2-metadata-token"] !== TOKEN) return status(401);
    switch (path) {
      case "instance-id":
        return void response.end(id);
      case "placement/region":
        return void response.end("eu-north-1");
      case "autoscaling/target-lifecycle-state":
        return void response.end(instance.targetState);
      case "events/recommendations/rebalance":
        return instance.isRebalanced
          ? void response.end('{"noticeTime":"2026-03-01T00:00:00Z"}')
          : status(404);
      default:
        return status(404);
    }
  }

  async #autoScaling(query: URLSearchParams, response: ServerResponse): Promise<void> {
    const instance = this.#instances.get(query.get("InstanceId") ?? query.get("InstanceIds.member.1") ?? "");
    if (instance?.isApiThrottled) return refuse(response, "Throttling", "Rate exceeded");
    const action = query.get("Action") ?? "";
    switch (action) {
      case "DescribeAutoScalingInstances": {
        const member =
          instance === undefined
            ? ""
            : `<member><InstanceId>${instance.id}</InstanceId><LifecycleState>${instance.lifecycleState}</LifecycleState></member>`;
        return answer(response, action, `<AutoScalingInstances>${member}</AutoScalingInstances>`);
      }
      case "RecordLifecycleActionHeartbeat":
      case "CompleteLifecycleAction": {
        const isTaken = action.startsWith("Record") ? instance?.heartbeat() : await instance?.complete();
        if (isTaken === true) return answer(response, action, "");
        return refuse(response, "ValidationError", "No active Lifecycle Action found with instance ID");
      }
      default:
        return refuse(response, "InvalidAction", action);
    }
  }
}

function answer(response: ServerResponse, action: string, result: string): void {
  response.setHeader("content-type", "text/xml");
  response.end(
    `<${action}Response xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><${action}Result>${result}</${action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></${action}Response>`,
  );
}

function refuse(response: ServerResponse, code: string, message: string): void {
  response.writeHead(400, { "content-type": "text/xml" });
  response.end(
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
  );
}
