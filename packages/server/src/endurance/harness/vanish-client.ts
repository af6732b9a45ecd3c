import { answerCommands } from "./commands.ts";
import { RawClient } from "./raw-client.ts";

const connect = '{"id":1,"connect":{}}';
/** Upgrades under way at once: below the listener's backlog. */
const atOnce = 200;

const clients = new Set<RawClient>();

const commands = {
  /** Opens `count` connections of as many users, subscribed to `channel`; fulfils when all have their replies. */
  async open({ host, count, channel }: { host: string; count: number; channel: string }) {
    let next = 0;
    const openers = Array.from({ length: atOnce }, async () => {
      while (next < count) {
        const user = `user-${next}`;
        next += 1;
        await openOne(host, user, channel);
      }
    });
    await Promise.all(openers);
    return clients.size;
  },
  /** Closes all with FIN. */
  leave() {
    for (const client of clients) client.end();
  },
};

async function openOne(host: string, user: string, channel: string): Promise<void> {
  const subscribed = Promise.withResolvers<void>();
  const client = await RawClient.open({
    host,
    user,
    onText(payload, self) {
      const text = payload.toString("latin1");
      if (text === "{}") self.send("{}");
      else if (text.includes('"id":2,"subscribe"')) subscribed.resolve();
      else if (text.includes('"error"')) subscribed.reject(new Error(text));
    },
    onClose(self) {
      clients.delete(self);
      subscribed.reject(new Error(`closed with ${self.closeCode}`));
    },
  });
  clients.add(client);
  client.send(`${connect}\n{"id":2,"subscribe":{"channel":"${channel}"}}`);
  await subscribed.promise;
}

answerCommands(commands);
export type VanishCommands = typeof commands;
