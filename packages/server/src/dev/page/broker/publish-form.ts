import { createElement, elementById, setText } from "../element.ts";
import { parseJsonInput } from "../json-input.ts";
import { publish } from "./broker-api.ts";
import type { ExchangeState } from "./broker-state.ts";
import { jsonIn, onSubmit } from "./form-fields.ts";
import { countOf } from "./words.ts";

export interface PublishForm {
  show(exchanges: readonly ExchangeState[]): void;
  /** Puts an exchange, and a key when there is one, into the fields. */
  choose(exchange: string, key: string | undefined): void;
}

/** Publishes one event, and says how many queues and channels got it. */
export function createPublishForm(changed: () => void): PublishForm {
  const select = elementById("publish-exchange", HTMLSelectElement);
  const key = elementById("publish-key", HTMLInputElement);
  const headers = elementById("publish-headers", HTMLInputElement);
  const body = elementById("publish-body", HTMLTextAreaElement);
  let names: readonly string[] = [];
  /** By the visitor; until then it is the first one, which is theirs as soon as they have one. */
  let isChosen = false;
  select.addEventListener("change", () => (isChosen = true));

  onSubmit("publish", async () => {
    const event = {
      key: key.value,
      headers: jsonIn(headers, "Headers", parseJsonInput) ?? {},
      body: jsonIn(body, "Body", parseJsonInput) ?? null,
    };
    const { routed } = await publish(select.value, event);
    changed();
    return routed === 0
      ? "Confirmed, but unroutable: no binding matched."
      : `Confirmed, in ${countOf(routed, "place")}.`;
  });

  return {
    show(exchanges) {
      // Those of the visitor first.
      const sorted = exchanges
        .toSorted((a, b) => Number(a.built_in) - Number(b.built_in) || (a.name < b.name ? -1 : 1))
        .map(({ name }) => name);
      if (sorted.join("\n") === names.join("\n")) return;
      const chosen = isChosen ? select.value : sorted[0];
      names = sorted;
      select.replaceChildren(
        ...sorted.map((name) => {
          const option = createElement("option", "");
          setText(option, name);
          return option;
        }),
      );
      select.value = chosen !== undefined && sorted.includes(chosen) ? chosen : (sorted[0] ?? "");
    },
    choose(exchange, chosenKey) {
      isChosen = true;
      select.value = exchange;
      if (chosenKey !== undefined) key.value = chosenKey;
      elementById("publish-form", HTMLElement).scrollIntoView({ block: "nearest" });
      key.focus({ preventScroll: true });
    },
  };
}
