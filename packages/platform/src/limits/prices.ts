/**
 * List prices of us-east-1 in US dollars. They change: the date is that of the transcription, and a cost
 * that is printed names it.
 */
import { limit } from "../limit.js";

const ELB = "elastic load balancing pricing, transcription of 2026-09-20";
const LIST = "on-demand list of us-east-1";

/** Day of the prices of load balancers; the others are older general knowledge. */
export const PRICES_DATE = "2026-09-20";
export const HOURS_PER_MONTH = 730;

export const PRICES = Object.freeze({
  albHour: limit("price.alb-hour", 0.0225, "$/hour", "general", LIST, "Of the load balancer as such."),
  albUnit: limit(
    "price.alb-unit",
    0.008,
    "$/unit and hour",
    "documented",
    ELB,
    "Unit: 3,000 active connections, 25 new a second, 1 GB an hour.",
  ),
  nlbHour: limit("price.nlb-hour", 0.0225, "$/hour", "general", LIST, "Of the load balancer as such."),
  nlbUnit: limit(
    "price.nlb-unit",
    0.006,
    "$/unit and hour",
    "documented",
    ELB,
    "Unit, TCP: 100,000 active connections, 800 new a second, 1 GB an hour. TLS: 3,000 and 50.",
  ),
  albActive: limit("price.alb-active", 3000, "connections", "documented", ELB, "Of one unit."),
  albNew: limit("price.alb-new", 25, "connections a second", "documented", ELB, "Of one unit."),
  nlbActive: limit("price.nlb-active", 100_000, "connections", "documented", ELB, "Of one unit, TCP."),
  nlbNew: limit("price.nlb-new", 800, "connections a second", "documented", ELB, "Of one unit, TCP."),
  nlbTlsActive: limit("price.nlb-tls-active", 3000, "connections", "documented", ELB, "Of one unit, TLS."),
  nlbTlsNew: limit("price.nlb-tls-new", 50, "connections a second", "documented", ELB, "Of one unit, TLS."),
  unitBytesPerHour: limit("price.unit-bytes", 1e9, "bytes an hour", "documented", ELB, "Of one unit."),
  gigabyteOut: limit(
    "price.gigabyte-out",
    0.09,
    "$/GB",
    "general",
    LIST,
    "To the internet, first 10 TB of a month.",
  ),
});
