import { createElement, elementById, setText } from "../element.ts";
import { discard, type MessagePage, problemText, readMessages, replay } from "./broker-api.ts";
import { deadLetterQueue, type MessageState, type QueueState } from "./broker-state.ts";
import { createKeyedRows } from "./keyed-rows.ts";
import { createMessageRow } from "./message-row.ts";
import { createQuestion } from "./question.ts";
import { countOf, shortCount } from "./words.ts";

const pageMessages = 50;
/** More than that are not shown; the API browses on. */
const mostMessages = 1_000;

export interface MessagesView {
  /** Reads the chosen queue's messages again when its counts say that they have changed. */
  show(queues: readonly QueueState[]): void;
  choose(queue: string): void;
  showBlank(text: string): void;
}

/** The messages of one queue. Dead letters can be replayed and discarded: one, those that are chosen, or all. */
export function createMessagesView(changed: () => void): MessagesView {
  const select = elementById("messages-queue", HTMLSelectElement);
  const count = elementById("messages-count", HTMLElement);
  const blank = elementById("messages-blank", HTMLElement);
  const more = elementById("messages-more", HTMLButtonElement);
  const actions = elementById("letter-actions", HTMLElement);
  const chooseAll = elementById("choose-all", HTMLInputElement);
  const chosenText = elementById("chosen", HTMLElement);
  const rate = elementById("rate", HTMLInputElement);
  const replayButton = elementById("replay", HTMLButtonElement);
  const discardButton = elementById("discard", HTMLButtonElement);
  const told = elementById("letters-told", HTMLElement);
  const problem = elementById("letters-problem", HTMLElement);
  const ask = createQuestion();

  let queue = deadLetterQueue;
  let limit = pageMessages;
  let page: MessagePage | undefined;
  /** What the counts were when the page was asked for. */
  let readFor: string | undefined;
  let isReading = false;
  const chosen = new Set<number>();

  const showRows = createKeyedRows<{ readonly message: MessageState; readonly isChosen: boolean }>(
    elementById("messages", HTMLElement),
    // A replayed message that dies again has another number; another queue has the same ones.
    ({ message }) => JSON.stringify([queue, message.seq, message.deaths[0]?.time]),
    ({ message }) =>
      createMessageRow(message, {
        replay: ({ seq }) => void replaySome([seq], undefined),
        discard: ({ seq }) => void discardSome([seq]),
        chosen: ({ seq }, isChosen) => {
          if (isChosen) chosen.add(seq);
          else chosen.delete(seq);
          render();
        },
      }),
  );

  const letters = (): readonly MessageState[] =>
    (page?.messages ?? []).filter(({ deaths, state }) => deaths.length > 0 && state === "ready");

  const render = (): void => {
    if (page === undefined) return;
    const { messages, cursor } = page;
    const dead = letters();
    const there = new Set(dead.map(({ seq }) => seq));
    for (const seq of chosen) if (!there.has(seq)) chosen.delete(seq);
    showRows(messages.map((message) => ({ message, isChosen: chosen.has(message.seq) })));
    setText(
      count,
      messages.length === 0 ? "" : `${cursor === undefined ? "" : "the first "}${messages.length}`,
    );
    blank.hidden = messages.length > 0;
    setText(
      blank,
      queue === deadLetterQueue
        ? "No dead letters. Messages that are rejected, or that fail too often, come here."
        : "No messages in this queue.",
    );
    more.hidden = cursor === undefined || limit >= mostMessages;
    actions.hidden = dead.length === 0;
    chooseAll.checked = chosen.size > 0 && chosen.size === dead.length;
    chooseAll.indeterminate = chosen.size > 0 && chosen.size < dead.length;
    const some = chosen.size > 0;
    setText(chosenText, some ? `${chosen.size} chosen` : "None chosen");
    setText(replayButton, some ? `Replay ${chosen.size}` : "Replay all");
    setText(discardButton, some ? `Discard ${chosen.size}` : "Discard all");
  };

  const read = async (counts: string | undefined): Promise<void> => {
    if (isReading) return;
    isReading = true;
    const asked = queue;
    try {
      const answer = await readMessages(asked, limit);
      if (asked !== queue) return;
      page = answer;
      readFor = counts;
      render();
    } catch (error) {
      if (asked !== queue) return;
      page = undefined;
      showRows([]);
      actions.hidden = true;
      blank.hidden = false;
      setText(blank, `The messages cannot be read: ${problemText(error)}.`);
    } finally {
      isReading = false;
    }
  };

  const tell = (text: string | undefined, wrong: string | undefined): void => {
    setText(told, text ?? "");
    told.hidden = text === undefined;
    setText(problem, wrong ?? "");
    problem.hidden = wrong === undefined;
  };

  /** `seqs` undefined: all of the queue, also those that are not shown. */
  const replaySome = async (
    seqs: readonly number[] | undefined,
    ratePerSecond: number | undefined,
  ): Promise<void> => {
    try {
      const { replayed, scheduled, kept } = await replay(queue, { seqs, ratePerSecond });
      const parts = [
        ...(replayed > 0 ? [`${countOf(replayed, "message")} replayed`] : []),
        ...(scheduled > 0
          ? [`${countOf(scheduled, "message")} will be replayed, ${ratePerSecond ?? ""} a second`]
          : []),
        ...(kept > 0
          ? [`${countOf(kept, "message")} stayed: the queue where it died is gone or full`]
          : []),
      ];
      tell(parts.length === 0 ? "Nothing was replayed." : `${parts.join("; ")}.`, undefined);
    } catch (error) {
      tell(undefined, `Not replayed: ${problemText(error)}.`);
    }
    readFor = undefined;
    changed();
  };

  const discardSome = async (seqs: readonly number[] | undefined): Promise<void> => {
    const what = seqs === undefined ? "all dead letters" : countOf(seqs.length, "dead letter");
    const isSure = await ask(`Discard ${what} in ${queue}? This cannot be undone.`, "Discard");
    if (!isSure) return;
    try {
      tell(`${countOf(await discard(queue, seqs), "message")} discarded.`, undefined);
    } catch (error) {
      tell(undefined, `Not discarded: ${problemText(error)}.`);
    }
    readFor = undefined;
    changed();
  };

  chooseAll.addEventListener("change", () => {
    chosen.clear();
    if (chooseAll.checked) for (const { seq } of letters()) chosen.add(seq);
    render();
  });
  replayButton.addEventListener("click", () => {
    const perSecond = rate.value === "" ? undefined : rate.valueAsNumber;
    if (!rate.validity.valid) {
      tell(undefined, "The rate must be a number above 0, or nothing for as fast as can be.");
      rate.focus();
      return;
    }
    void replaySome(chosen.size > 0 ? [...chosen] : undefined, perSecond);
  });
  discardButton.addEventListener("click", () => {
    void discardSome(chosen.size > 0 ? [...chosen] : undefined);
  });
  const choose = (name: string): void => {
    queue = name;
    select.value = name;
    limit = pageMessages;
    page = undefined;
    readFor = undefined;
    chosen.clear();
    showRows([]);
    actions.hidden = true;
    more.hidden = true;
    setText(count, "");
    tell(undefined, undefined);
    blank.hidden = false;
    setText(blank, "Loading…");
    changed();
  };
  select.addEventListener("change", () => choose(select.value));
  more.addEventListener("click", () => {
    limit = Math.min(mostMessages, limit * 2);
    readFor = undefined;
    changed();
  });

  return {
    show(queues) {
      showOptions(select, queues, queue);
      const current = queues.find(({ name }) => name === queue);
      if (current === undefined) {
        choose(deadLetterQueue);
        return;
      }
      const { ready, unsettled, delayed, counts } = current;
      const now = JSON.stringify([ready, unsettled, delayed, counts]);
      if (now !== readFor) void read(now);
      else render(); // the ages
    },
    choose(name) {
      choose(name);
      elementById("messages-card", HTMLElement).scrollIntoView({ block: "nearest" });
      select.focus({ preventScroll: true });
    },
    showBlank(text) {
      if (page === undefined) setText(blank, text);
    },
  };
}

/** Built-in ones first: dead letters are what one looks for. */
function showOptions(
  select: HTMLSelectElement,
  queues: readonly QueueState[],
  chosen: string,
): void {
  const sorted = queues.toSorted(
    (a, b) => Number(b.built_in) - Number(a.built_in) || (a.name < b.name ? -1 : 1),
  );
  // An open list must not change under the pointer, so only what differs is touched.
  sorted.forEach(({ name, ready }, index) => {
    const text = ready === 0 ? name : `${name} (${shortCount(ready)})`;
    const option = select.options[index] ?? select.appendChild(createElement("option", ""));
    if (!(option instanceof HTMLOptionElement)) return;
    if (option.value !== name) option.value = name;
    setText(option, text);
  });
  while (select.options.length > sorted.length) select.options[sorted.length]?.remove();
  if (select.value !== chosen) select.value = chosen;
}
