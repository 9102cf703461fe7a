/**
 * The charts of a report's page, in their order: which lines each has, and from which members of a sample.
 *
 * Leaves the drawing to line-chart.ts. Invariant: a chart without a point is left out.
 */
import { type Line, lineChart } from "./line-chart.js";
import type { Report, Round, Sample } from "./report.js";

const MIB = 2 ** 20;

interface Chart {
  readonly heading: string;
  readonly unit: string;
  readonly lines: readonly Line[];
}

type Reading = (sample: Sample) => number | null;

/** A line over the samples, without those that do not know it. `factor`: from their unit to the chart's. */
type Course = (name: string, read: Reading, factor?: number) => Line;

/** Each as a figure of SVG. */
export function charts({ samples, rounds, options: { sendRate } }: Report): string[] {
  const course: Course = (name, read, factor = 1) => ({
    name,
    points: samples.flatMap((sample): [number, number][] => {
      const value = read(sample);
      return value === null ? [] : [[sample.s, value * factor]];
    }),
  });
  const all = [
    ...ofConnections(course),
    ...ofMessages(course, sendRate > 0),
    ...ofTheMachine(course),
    ...ofTheWorkers(course),
    ...rounds.map(ofRound),
  ];
  return all.flatMap(figure);
}

function ofConnections(course: Course): Chart[] {
  return [
    {
      heading: "Connections",
      unit: "",
      lines: [
        course("connected", (each) => each.connected),
        course("on their way", (each) => each.undecided),
        course("given up", (each) => each.givenUp),
        course("lost", (each) => each.lost),
      ],
    },
    {
      heading: "Handshakes",
      unit: "per second",
      lines: [course("handshakes", (each) => each.handshakesPerSecond)],
    },
    {
      heading: "Latency of handshakes",
      unit: "ms",
      lines: [course("p50", (each) => each.handshakeP50Ms), course("p99", (each) => each.handshakeP99Ms)],
    },
  ];
}

function ofMessages(course: Course, clientsSend: boolean): Chart[] {
  return [
    {
      heading: "Messages of clients",
      unit: "received per second",
      lines: clientsSend ? [course("received", (each) => each.messagesPerSecond)] : [],
    },
    {
      heading: "Latency of messages of clients",
      unit: "ms",
      lines: [course("p50", (each) => each.messageP50Ms), course("p99", (each) => each.messageP99Ms)],
    },
  ];
}

function ofTheMachine(course: Course): Chart[] {
  return [
    {
      heading: "Memory",
      unit: "MiB",
      lines: [
        course("gateway", (each) => each.gatewayBytes, 1 / MIB),
        course("kernel, both ends", (each) => each.kernelBytes, 1 / MIB),
        course("agents", (each) => each.agentsBytes, 1 / MIB),
      ],
    },
    {
      heading: "CPU",
      unit: "% of one core",
      lines: [
        course("gateway", (each) => each.gatewayCpu, 100),
        course("agents", (each) => each.agentsCpu, 100),
        course("of it, gateway's GC", (each) => each.gcShare, 100),
      ],
    },
  ];
}

function ofTheWorkers(course: Course): Chart[] {
  return [
    {
      heading: "Longest garbage collection",
      unit: "ms, upper bound of its bucket",
      lines: [course("GC pause", (each) => each.gcLongestMs)],
    },
    {
      heading: "Event-loop delay of the worst worker",
      unit: "ms",
      lines: [course("p99", (each) => each.loopDelayP99Ms), course("longest", (each) => each.loopDelayMaxMs)],
    },
  ];
}

function ofRound({ round, receipts }: Round): Chart {
  const points = receipts.map(([ms, share]): [number, number] => [ms / 1000, share * 100]);
  return {
    heading: `Broadcast ${round}: who has it`,
    unit: "% of connections, over the seconds since it was sent",
    lines: [{ name: "received", points }],
  };
}

function figure({ heading, unit, lines }: Chart): string[] {
  const svg = lineChart(
    lines.filter(({ points }) => points.length > 0),
    heading,
    unit,
  );
  return svg === undefined ? [] : [`<figure>\n${svg}</figure>`];
}
