/**
 * The inspector: answers what operators ask of one worker. Each question has its kind of list.
 *
 * It keeps no figure that only operators want: it looks at connections and topics when it is asked. Lists are
 * pages or bounded; what viewers ask again and again is a survey, whose share of the worker's time is
 * bounded.
 */

import type { Connection } from "../connection/connection.js";
import type { Outbox } from "../delivery/outbox.js";
import type { TopicState } from "../hub/topic-state.js";
import type { CoreOptions } from "../options.js";
import type { Clock } from "../runtime/clock.js";
import type { Incident, Incidents, IncidentsQuery } from "../runtime/incidents.js";
import type { Ticker } from "../runtime/ticker.js";
import { type AddressPage, type AddressQuery, AddressSearches } from "./address-search.js";
import { type ConnectionReport, connectionReports, type ReportQuery } from "./connection-report.js";
import {
  type ChannelCount,
  type ChannelsQuery,
  type ConnectionFacts,
  type ConnectionsQuery,
  channels,
  connections,
} from "./inspection.js";
import { type SlowConnection, slowest } from "./slowest.js";
import { type Survey, Surveys } from "./survey.js";

/** What operators ask all workers of an instance; each answers with a list. */
export type Question =
  | { readonly of: "slowest"; readonly limit: number }
  | ({ readonly of: "channels" } & ChannelsQuery)
  | ({ readonly of: "sessions" } & ConnectionsQuery)
  | ({ readonly of: "address" } & AddressQuery)
  | ({ readonly of: "reports" } & ReportQuery)
  | ({ readonly of: "incidents" } & IncidentsQuery)
  | { readonly of: "survey" };

/** What the inspector looks at. */
export interface Inspected {
  readonly registry: { readonly connections: Iterable<Connection> };
  readonly hub: { readonly topicStates: Iterable<TopicState> };
  readonly ticker: Pick<Ticker, "tick">;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly incidents: Incidents;
  readonly outbox: Outbox;
  readonly options: Pick<CoreOptions, "surveyShare">;
}

export class Inspector {
  readonly #inspected: Inspected;
  readonly #surveys: Surveys;
  readonly #addressSearches: AddressSearches;

  constructor(inspected: Inspected) {
    this.#inspected = inspected;
    this.#addressSearches = new AddressSearches(() => inspected.registry.connections, inspected.clock);
    this.#surveys = new Surveys(
      {
        connections: () => inspected.registry.connections,
        topicStates: () => inspected.hub.topicStates,
        outbox: inspected.outbox,
      },
      inspected.clock,
      inspected.options.surveyShare,
    );
  }

  /** The list that the question is for. */
  answer(question: Question): readonly unknown[] {
    switch (question.of) {
      case "slowest":
        return this.slowest(question.limit);
      case "channels":
        return this.channels(question);
      case "sessions":
        return this.sessions(question);
      case "address":
        return [this.atAddress(question)];
      case "reports":
        return this.reports(question);
      case "incidents":
        return this.incidents(question);
      case "survey":
        return [this.survey()];
    }
  }

  /** The connections that read most slowly. Looks at all: for operators, not for a loop. */
  slowest(limit: number): SlowConnection[] {
    const { registry, outbox } = this.#inspected;
    return slowest(registry.connections, outbox, limit);
  }

  /** Channels that a connection here listens to. Looks at all, like `slowest`. */
  channels(query: ChannelsQuery): ChannelCount[] {
    return channels(this.#inspected.hub.topicStates, query);
  }

  /** The connections of this worker. Looks at all, like `slowest`. */
  sessions(query: ConnectionsQuery): ConnectionFacts[] {
    return connections(this.#inspected.registry.connections, query);
  }

  /** The connections from an address; not more often than that may cost. */
  atAddress(query: AddressQuery): AddressPage {
    return this.#addressSearches.take(query);
  }

  /** What is known of the connections of one session or user. Looks at all, like `slowest`. */
  reports(query: ReportQuery): ConnectionReport[] {
    const { registry, ticker, outbox } = this.#inspected;
    return connectionReports(registry.connections, outbox, ticker.tick, query);
  }

  /** What lately went wrong for clients, the newest first. */
  incidents(query: IncidentsQuery): Incident[] {
    return this.#inspected.incidents.list(query);
  }

  /** Figures that need a walk over all; not more often than they may cost. */
  survey(): Survey {
    return this.#surveys.take();
  }
}
