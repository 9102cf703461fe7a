import { breaking } from "../testing/breaking.js";
import { NODE_CHECKS } from "./node.js";

breaking(
  "Node.js",
  NODE_CHECKS,
  {
    "HF-N001": [[{ "node/version": "20.11.1" }, "failed", "20.11.1; 20.19 is the oldest"]],
    "HF-N002": [
      [{ "node/version": "20.20.0" }, "warning", "support of 20.20.0 ended on 2026-04-30"],
      [{ "node/version": "25.1.0" }, "warning", "odd line"],
      [{ "node/version": "40.0.0" }, "ok", "not known here"],
    ],
    "HF-N003": [[{ "node/runtime": "bun" }, "failed", "bun, which is not Node.js"]],
    "HF-N004": [[{ "node/architecture": "arm" }, "failed", "arm is not known as 64-bit"]],
    "HF-N005": [
      [{ "node/flags": ["--max_old_space_size=8192"] }, "failed", "4 heaps of 8.0 GiB in 16.0 GiB"],
    ],
    "HF-N006": [
      [{ "node/flags": ["--inspect"] }, "warning", "--inspect, on loopback"],
      [{ "node/flags": ["--inspect=127.0.0.1:9229"] }, "warning", "on loopback"],
      [{ "node/flags": ["--inspect=0.0.0.0:9229"] }, "failed", "for other machines"],
    ],
    "HF-N007": [[{ "node/tlsRejectUnauthorized": "0" }, "failed", "NODE_TLS_REJECT_UNAUTHORIZED=0"]],
    "HF-N008": [[{ "node/debugVariables": ["NODE_DEBUG"] }, "warning", "NODE_DEBUG"]],
    "HF-N009": [[{ "node/userId": 0 }, "warning", "root"]],
  },
  { alwaysKnown: ["HF-N001", "HF-N002", "HF-N003", "HF-N004", "HF-N006", "HF-N007", "HF-N008"] },
);
