import { openAmqpDriver } from "./amqp-driver.ts";
import { openBullmqDriver } from "./bullmq-driver.ts";
import type { OpenBrokerCommand } from "./commands.ts";
import type { BrokerDriver, DriverEvents } from "./driver.ts";
import { openSwitchyardDriver } from "./switchyard-driver.ts";

export function openDriver(
  { port, queues, dialect }: OpenBrokerCommand,
  events: DriverEvents,
): Promise<BrokerDriver> {
  switch (dialect.kind) {
    case "switchyard":
      return openSwitchyardDriver(port, queues, dialect, events);
    case "amqp":
      return openAmqpDriver(port, queues, dialect.queueType, events);
    case "bullmq":
      return openBullmqDriver(port, queues, events);
  }
}
