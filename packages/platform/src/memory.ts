/**
 * The memory model: how much memory connections take on an instance, in user space and in the kernel.
 *
 * It has two figures, which must not be mixed up. `measuredMemory` is what the run with a million connections
 * took: idle connections, after garbage collection. `neededMemory` is what a plan asks for: it adds room for
 * garbage, for a page of unread bytes of each connection, and for the system.
 */
import { GATEWAY } from "./limits/gateway.js";
import { LINUX } from "./limits/linux.js";

export interface MemoryLoad {
  readonly connections: number;
  readonly workers: number;
}

export interface MemoryUse {
  /** All processes of the gateway. */
  readonly gatewayBytes: number;
  /** The kernel's, of the server's end of each connection. */
  readonly kernelBytes: number;
}

/** Idle connections after a collection. The model of docs/performance.md's million run. */
export function measuredMemory({ connections, workers }: MemoryLoad): MemoryUse {
  return {
    gatewayBytes: baseBytes(workers) + connections * GATEWAY.bytesPerConnection.value,
    kernelBytes: connections * GATEWAY.kernelBytesPerConnection.value,
  };
}

/** Memory that a machine should have, bytes. */
export function neededMemory({ connections, workers }: MemoryLoad): number {
  return LINUX.systemBytes.value + baseBytes(workers) + connections * neededPerConnection();
}

/**
 * Connections that a machine's memory holds; 0 where it is too small for the system and the processes.
 */
export function connectionsInMemory(memoryBytes: number, workers: number): number {
  const left = memoryBytes - LINUX.systemBytes.value - baseBytes(workers);
  return Math.max(0, Math.floor(left / neededPerConnection()));
}

/** Workers and the primary, before the first connection. */
function baseBytes(workers: number): number {
  return (workers + 1) * GATEWAY.bytesPerProcess.value;
}

function neededPerConnection(): number {
  return (
    GATEWAY.bytesPerConnection.value * GATEWAY.garbageFactor.value +
    GATEWAY.kernelBytesPerConnection.value +
    LINUX.stallBytesPerConnection.value
  );
}
