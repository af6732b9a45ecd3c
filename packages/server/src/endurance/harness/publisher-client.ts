import { answerCommands } from "./commands.ts";
import { wallMs } from "./wall-clock.ts";

interface Load {
  readonly channel: string;
  /** Of padding in each publication. */
  readonly bytes: number;
}

interface PublishOrder {
  readonly url: string;
  readonly apiKey: string;
  /** At each time something is published on every one of these. */
  readonly channels: readonly Load[];
  readonly perSecond: number;
  readonly seconds: number;
}

const commands = {
  /** An open loop: each publication carries the time at which it was due, whatever the server does. Returns how many were refused. */
  async publish({ url, apiKey, channels, perSecond, seconds }: PublishOrder) {
    const padded = channels.map(({ channel, bytes }) => ({ channel, pad: "x".repeat(bytes) }));
    const answers: Promise<number>[] = [];
    const began = wallMs();
    for (let n = 0; n < perSecond * seconds; n += 1) {
      const due = began + (n * 1000) / perSecond;
      const wait = due - wallMs();
      if (wait > 0) await Bun.sleep(wait);
      for (const { channel, pad } of padded) {
        const body = `{"channel":"${channel}","data":{"t":${due.toFixed(2)},"pad":"${pad}"}}`;
        answers.push(post(`${url}/api/publish`, apiKey, body));
      }
    }
    const statuses = await Promise.all(answers);
    return statuses.filter((status) => status !== 200).length;
  },
};

async function post(url: string, apiKey: string, body: string): Promise<number> {
  const response = await fetch(url, { method: "POST", headers: { "X-API-Key": apiKey }, body });
  await response.arrayBuffer();
  return response.status;
}

answerCommands(commands);
export type PublisherCommands = typeof commands;
