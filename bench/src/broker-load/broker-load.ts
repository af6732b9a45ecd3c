import { nowMicros, sleep } from "../generator/clock.ts";
import { Histogram } from "../generator/histogram.ts";
import { encodePayload } from "../generator/payload.ts";
import { machineCpuSeconds, processCpuSeconds, treeCpuSeconds } from "../process-stats.ts";
import type { BrokerMeasurement, OfferCommand, OpenBrokerCommand } from "./commands.ts";
import type { BrokerDriver, DriverEvents, OutgoingMessage } from "./driver.ts";
import { openDriver } from "./open-driver.ts";

/** Published and not confirmed; above it publications wait here, and their latency runs on. Below what Switchyard allows. */
export const MOST_UNCONFIRMED = 8_000;
/** Published and not acknowledged by every queue. */
const MOST_UNACKNOWLEDGED = 16_000;
/** What is not acknowledged this long after the last publication is late. */
const GRACE_MS = 200;
/** A broker that is far behind: publishing ends after so much more than the time that was asked for. */
const OVERTIME = 1.25;
/** After the clocks stopped: give up when nothing happened for so long, and in any case after so long. */
const DRAIN_IDLE_MS = 1_000;
const DRAIN_MS = 10_000;
/** How long the broker may take to count the last acknowledgements. */
const SETTLE_MS = 2_000;
/** Up to this rate the pause before a publication that is due within a millisecond is not left to a timer. */
const EXACT_RATE = 1_000;

/** Publishers and consumers of one broker. */
export class BrokerLoad implements DriverEvents {
  readonly #command: OpenBrokerCommand;
  readonly #confirmMicros = new Histogram();
  readonly #deliveryMicros = new Histogram();
  #driver: BrokerDriver | undefined;
  #startMicros = 0;
  #intervalMicros = 1;
  /** Number of the measurement's first message. */
  #first = 0;
  #published = 0;
  #confirmed = 0;
  #refused = 0;
  #delivered = 0;
  #acknowledged = 0;
  #redelivered = 0;
  #firstError: string | undefined;

  private constructor(command: OpenBrokerCommand) {
    this.#command = command;
  }

  /** @throws Error when the broker refuses what the driver needs. */
  static async open(
    command: OpenBrokerCommand,
    open: typeof openDriver = openDriver,
  ): Promise<BrokerLoad> {
    const load = new BrokerLoad(command);
    load.#driver = await open(command, load);
    return load;
  }

  async offer({ rate, seconds }: OfferCommand): Promise<BrokerMeasurement> {
    const driver = this.#driver;
    if (driver === undefined) throw new Error("offer before open");
    const { queues, serverPid, storePid } = this.#command;
    this.#begin(rate);
    const due = Math.max(1, Math.round(rate * seconds));
    const storeCpu = (): number => (storePid === undefined ? 0 : treeCpuSeconds(storePid));

    const ownBefore = process.cpuUsage();
    const machineBefore = machineCpuSeconds();
    const serverBefore = processCpuSeconds(serverPid);
    const storeBefore = storeCpu();
    this.#startMicros = nowMicros();
    await this.#publishOnSchedule(driver, due, seconds * OVERTIME);
    const wall = (nowMicros() - this.#startMicros) / 1e6;
    const storeCpuSeconds = storeCpu() - storeBefore;
    const serverCpuSeconds = processCpuSeconds(serverPid) - serverBefore;
    const machineCpu = machineCpuSeconds() - machineBefore;
    const own = process.cpuUsage(ownBefore);
    const ownCpuSeconds = (own.user + own.system) / 1e6;
    const messagesPerSecond = this.#acknowledged / queues / wall;

    await sleep(GRACE_MS);
    const inTime = this.#acknowledged / queues;
    await this.#drain();
    return {
      kind: "offered",
      rate,
      seconds: wall,
      due,
      published: this.#published,
      confirmed: this.#confirmed,
      delivered: this.#delivered,
      acknowledged: this.#acknowledged,
      messagesPerSecond,
      inTimeShare: inTime / due,
      left: await this.#left(driver),
      redelivered: this.#redelivered,
      refused: this.#refused,
      firstError: this.#firstError,
      confirmMs: latencyOf(this.#confirmMicros),
      deliveryMs: latencyOf(this.#deliveryMicros),
      serverCpuSeconds,
      storeCpuSeconds,
      generatorCpuShare: ownCpuSeconds / wall,
      otherCpuCores:
        Math.max(0, machineCpu - serverCpuSeconds - storeCpuSeconds - ownCpuSeconds) / wall,
    };
  }

  confirmed(number: number): void {
    this.#confirmed += 1;
    const intended = this.#startMicros + (number - this.#first) * this.#intervalMicros;
    this.#confirmMicros.record(nowMicros() - intended);
  }

  refused(_number: number, reason: string): void {
    this.#refused += 1;
    this.#firstError ??= reason;
  }

  delivered(intendedMicros: number): void {
    this.#delivered += 1;
    this.#deliveryMicros.record(nowMicros() - intendedMicros);
  }

  acknowledged(count: number): void {
    this.#acknowledged += count;
  }

  redelivered(count: number): void {
    this.#redelivered += count;
  }

  failed(reason: string): void {
    this.#firstError ??= reason;
  }

  #begin(rate: number): void {
    this.#intervalMicros = 1e6 / rate;
    this.#first += this.#published;
    this.#published = 0;
    this.#confirmed = 0;
    this.#refused = 0;
    this.#delivered = 0;
    this.#acknowledged = 0;
    this.#redelivered = 0;
    this.#firstError = undefined;
    this.#confirmMicros.reset();
    this.#deliveryMicros.reset();
  }

  /**
   * Open loop with a bound: message k is due at start + k / rate; a tick sends all that are due and fit, with the intended
   * times in the payload. Resolves right after the last one is sent, or after `mostSeconds`.
   */
  #publishOnSchedule(driver: BrokerDriver, due: number, mostSeconds: number): Promise<void> {
    return new Promise((resolve) => {
      const tick = (): void => {
        const elapsed = nowMicros() - this.#startMicros;
        const dueNow = Math.min(due, Math.floor(elapsed / this.#intervalMicros) + 1);
        const until = Math.min(dueNow, this.#published + this.#room());
        const messages: OutgoingMessage[] = [];
        for (; this.#published < until; this.#published += 1) {
          const intended = this.#startMicros + this.#published * this.#intervalMicros;
          messages.push({
            number: this.#first + this.#published,
            body: encodePayload(intended),
          });
        }
        if (messages.length > 0) driver.publish(messages);
        if (this.#published >= due || elapsed > mostSeconds * 1e6) {
          resolve();
          return;
        }
        const next = this.#startMicros + this.#published * this.#intervalMicros;
        const waitMs = (next - nowMicros()) / 1000;
        const isExact = this.#intervalMicros >= 1e6 / EXACT_RATE && waitMs > 0;
        if (isExact && waitMs < 2) setImmediate(tick);
        else setTimeout(tick, Math.max(1, isExact ? waitMs - 1 : waitMs));
      };
      tick();
    });
  }

  #room(): number {
    const unconfirmed = this.#published - this.#confirmed - this.#refused;
    const unacknowledged =
      this.#published - this.#refused - this.#acknowledged / this.#command.queues;
    return Math.floor(
      Math.max(0, Math.min(MOST_UNCONFIRMED - unconfirmed, MOST_UNACKNOWLEDGED - unacknowledged)),
    );
  }

  async #drain(): Promise<void> {
    const deadline = nowMicros() + DRAIN_MS * 1000;
    const done = (): number => this.#confirmed + this.#refused + this.#acknowledged;
    let seen = done();
    let seenAt = nowMicros();
    while (nowMicros() < deadline && nowMicros() - seenAt < DRAIN_IDLE_MS * 1000) {
      const expected = (this.#published - this.#refused) * this.#command.queues;
      const isConfirmed = this.#confirmed + this.#refused >= this.#published;
      if (isConfirmed && this.#acknowledged >= expected) return;
      await sleep(5);
      if (done() === seen) continue;
      seen = done();
      seenAt = nowMicros();
    }
  }

  /** Acknowledgements are not answered, so that the last ones may still be on their way. */
  async #left(driver: BrokerDriver): Promise<number> {
    const deadline = nowMicros() + SETTLE_MS * 1000;
    let left = await driver.left();
    while (left > 0 && nowMicros() < deadline) {
      await sleep(20);
      left = await driver.left();
    }
    return left;
  }
}

function latencyOf(micros: Histogram): BrokerMeasurement["confirmMs"] {
  return {
    p50: micros.percentile(50) / 1000,
    p99: micros.percentile(99) / 1000,
    max: micros.max / 1000,
  };
}
