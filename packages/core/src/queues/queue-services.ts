import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { QueueStore } from "../ports/queue-store.ts";
import type { Random } from "../ports/random.ts";
import type { DeathReason } from "./death-record.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Message } from "./message.ts";
import type { PlantedBug } from "./planted-bug.ts";
import type { QueueHome } from "./queue-home.ts";
import type { StoreClock } from "./store-clock.ts";

/** What the queues of a node share. */
export interface QueueServices {
  readonly store: QueueStore;
  readonly commit: GroupCommit;
  readonly clock: Clock;
  readonly storeClock: StoreClock;
  readonly random: Random;
  readonly log: Log;
  /** False: this node is stopping, or its lease has run out unrenewed and another node may be the home by now. */
  readonly mayDeliver: () => boolean;
  /** Moves a message to where its dead letters go, or drops it. False: a queue there is full, the message has to stay. */
  readonly bury: (message: Message, reason: DeathReason) => boolean;
  /** Nobody uses an auto-delete or expiring queue any more. */
  readonly unused: (home: QueueHome) => void;
  /** This node is stopping. */
  readonly draining: () => boolean;
  /** Ready messages of one queue and priority that are in memory, at most. */
  readonly windowMessages: number;
  readonly plantedBug: PlantedBug | undefined;
}
