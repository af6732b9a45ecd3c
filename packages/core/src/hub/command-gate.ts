import {
  type AnsweredCommand,
  type AnsweredMethod,
  type Codec,
  type Command,
  type Disconnect,
  disconnects,
  InappropriatePayload,
  type ReplyError,
} from "@switchyard/protocol";
import { errorTable } from "../errors/error-table.ts";
import type { Answer } from "./answer.ts";
import type { HubServices } from "./hub-services.ts";
import { TokenBucket } from "./token-bucket.ts";

const errorWindowMs = 60_000;
/** As many deliveries as the consumers of a connection may hold, about. */
const mostEarned = 100_000;

/** Bounds what one connection may ask: commands in flight, commands per second, errors per minute. */
export class CommandGate {
  readonly #services: HubServices;
  #inFlight = 0;
  /** Sends that are free of the rate. */
  #earned = 0;
  #rate: TokenBucket | undefined;
  #errors = 0;
  #errorsSince = 0;

  constructor(services: HubServices) {
    this.#services = services;
  }

  /** So many messages have been sent that each want an answer by `send`, such as deliveries: those answers are free. */
  earn(messages: number): void {
    this.#earned = Math.min(this.#earned + messages, mostEarned);
  }

  /** May another command start? */
  admit(method: Command["method"]): "ok" | "over" | "flooding" {
    if (method === "send" && this.#earned > 0) {
      this.#earned -= 1;
      return "ok";
    }
    const { commandsInFlight, commandsPerSecond } = this.#services.options.limits;
    if (commandsPerSecond > 0) {
      const now = this.#services.clock.monotonic();
      const verdict = (this.#rate ??= new TokenBucket(commandsPerSecond, now)).take(now);
      if (verdict !== "ok") return verdict;
    }
    return this.#inFlight >= commandsInFlight ? "over" : "ok";
  }

  started(): void {
    this.#inFlight += 1;
  }

  ended(): void {
    this.#inFlight -= 1;
  }

  /** True when the connection has been answered more errors within a minute than it may. */
  countError(method: AnsweredMethod, answer: Answer): boolean {
    this.#services.observer.errorAnswered(method, codeOf(answer));
    const { errorsPerMinute } = this.#services.options.limits;
    if (errorsPerMinute === 0) return false;
    const now = this.#services.clock.monotonic();
    if (now - this.#errorsSince > errorWindowMs) {
      this.#errors = 0;
      this.#errorsSince = now;
    }
    this.#errors += 1;
    return this.#errors > errorsPerMinute;
  }

  /** The frame that answers `command`; a Disconnect to close with instead; undefined when nothing is to be written. */
  encode(codec: Codec, { id }: AnsweredCommand, answer: Answer): string | Disconnect | undefined {
    switch (answer.kind) {
      case "done":
        return undefined;
      case "disconnect":
        return answer.disconnect;
      case "applicationError":
        return codec.error(id, { code: answer.code, message: answer.message, temporary: false });
      case "refusal":
        return codec.error(id, refusalOf(answer));
      case "reply":
        try {
          return codec.reply(id, answer.reply);
        } catch (error) {
          if (error instanceof InappropriatePayload) return disconnects.inappropriateProtocol;
          throw error;
        }
    }
  }
}

function refusalOf({ error, message }: Extract<Answer, { kind: "refusal" }>): ReplyError {
  const row = errorTable[error];
  return message === undefined ? row : { ...row, message };
}

function codeOf(answer: Answer): number {
  if (answer.kind === "refusal") return errorTable[answer.error].code;
  return answer.kind === "applicationError" ? answer.code : 0;
}
