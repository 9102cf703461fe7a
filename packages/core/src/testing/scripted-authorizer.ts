/**
 * An application whose every answer the test gives, in whatever order and as late as it likes.
 */
import type {
  Authorizer,
  ChannelQuestion,
  ConnectConsent,
  ConnectQuestion,
  Consent,
  PublishQuestion,
} from "../access/authorizer.js";

export interface AskedQuestion<Question, Answer> {
  readonly question: Question;
  answer(answer: Answer): void;
}

export class ScriptedAuthorizer implements Authorizer {
  readonly connects: AskedQuestion<ConnectQuestion, ConnectConsent>[] = [];
  readonly subscribes: AskedQuestion<ChannelQuestion, Consent>[] = [];
  readonly publishes: AskedQuestion<PublishQuestion, Consent>[] = [];
  closes = 0;

  readonly connect = (question: ConnectQuestion): Promise<ConnectConsent> => asked(this.connects, question);
  readonly subscribe = (question: ChannelQuestion): Promise<Consent> => asked(this.subscribes, question);
  readonly publish = (question: PublishQuestion): Promise<Consent> => asked(this.publishes, question);

  close(): void {
    this.closes++;
  }
}

function asked<Question, Answer>(
  list: AskedQuestion<Question, Answer>[],
  question: Question,
): Promise<Answer> {
  return new Promise((answer) => {
    list.push({ question, answer });
  });
}
