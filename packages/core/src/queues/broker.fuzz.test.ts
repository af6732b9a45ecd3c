import { describe, expect, test } from "bun:test";
import { fuzzSeeds } from "@switchyard/testkit";
import { BrokerClients } from "./harness/broker-clients.ts";
import {
  BrokerWorld,
  fanned,
  mixed,
  queueNames,
  type WorldOptions,
} from "./harness/broker-world.ts";

async function act(world: BrokerWorld, clients: BrokerClients): Promise<void> {
  const { random } = world;
  const draw = random.int(1_000);
  if (draw < 300) clients.publish();
  else if (draw < 400) clients.consume();
  else if (draw < 620) clients.settle();
  else if (draw < 670) clients.pull();
  else if (draw < 730) clients.settleReceipts();
  else if (draw < 790) clients.leave();
  else if (draw < 820) clients.toggle();
  else if (draw < 830) clients.purge();
  else if (draw < 960) await world.pass(random.pick([1, 10, 100, 1_000]));
  else if (draw < 968) world.store.goAway();
  else if (draw < 985) world.store.comeBack();
  else if (draw < 990) world.wipe();
  else if (draw < 993) world.store.faultNextFlushes("stuck", "lost");
  else if (draw < 997) {
    clients.forget();
    await world.crash();
  } else {
    clients.forget();
    await world.takeOver();
  }
}

/** Returns what was wrong. */
async function live(options: WorldOptions): Promise<readonly string[]> {
  const world = new BrokerWorld(options);
  const clients = new BrokerClients(world);
  await world.begin();
  for (let step = 0; step < 150; step += 1) {
    await act(world, clients);
    if (world.random.chance(0.3)) await world.pass(world.random.int(4));
    if (step === 75) {
      await world.heal();
      world.checkCounts();
    }
  }
  await world.heal();
  world.checkCounts();
  clients.leaveAll();
  clients.consumeRest();
  await world.pass(20_000);
  world.checkCounts();
  for (const name of queueNames) {
    const { ready, unsettled, delayed } = world.broker.queue(name);
    if (ready + unsettled + delayed > 0) world.checker.problems.push(`${name} is not empty`);
  }
  world.checker.finish({ together: [...fanned, ...mixed], mortal: ["mortal"] });
  await world.broker.drain();
  await world.broker.stop();
  return world.checker.problems;
}

describe("publishers, consumers, faults of the store, crashes and takeovers: nothing is lost, invented or repeated unflagged", () => {
  for (const seed of fuzzSeeds(200)) {
    test(`seed ${seed}`, async () => {
      expect(await live({ seed })).toEqual([]);
    });
  }
});

describe("controls: planted bugs are found", () => {
  for (const plantedBug of [
    "confirmBeforeCommit",
    "loseUnsettled",
    "retryWithoutLedger",
  ] as const) {
    test(plantedBug, async () => {
      const found: string[] = [];
      for (let seed = 1; seed <= 20; seed += 1) found.push(...(await live({ seed, plantedBug })));
      expect(found.join("\n")).toMatch(symptoms[plantedBug]);
    });
  }
});

const symptoms = {
  confirmBeforeCommit: /was confirmed and is missing/,
  loseUnsettled: /was confirmed, then lost/,
  retryWithoutLedger: /came again without a flag|is with .* and with/,
};
