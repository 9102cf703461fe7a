import { Client } from "../index.js";
import { describeTransports } from "../testing/transport-contract.js";

describeTransports(Client);
