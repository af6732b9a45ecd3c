import { createElement, elementById } from "../element.ts";
import { parseJsonInput } from "../json-input.ts";
import { bind, declareExchange, declareQueue } from "./broker-api.ts";
import { type BindingState, defaultExchange, type ExchangeState } from "./broker-state.ts";
import { FieldProblem, integerIn, jsonIn, onSubmit } from "./form-fields.ts";

/** Declares a queue, and where an exchange is named that too, and binds the one to the other. */
export function createDeclareForm(
  changed: () => void,
): (exchanges: readonly ExchangeState[]) => void {
  const queue = elementById("declare-queue", HTMLInputElement);
  const maxLength = elementById("declare-max-length", HTMLInputElement);
  const overflow = elementById("declare-overflow", HTMLSelectElement);
  const maxAttempts = elementById("declare-max-attempts", HTMLInputElement);
  const exchange = elementById("declare-exchange", HTMLInputElement);
  const type = elementById("declare-type", HTMLSelectElement);
  const key = elementById("declare-key", HTMLInputElement);
  const match = elementById("declare-match", HTMLInputElement);
  const names = elementById("exchange-names", HTMLDataListElement);
  const labels = (field: HTMLInputElement | HTMLSelectElement): readonly HTMLLabelElement[] => [
    ...(field.labels ?? []),
  ];
  let types = new Map<string, string>();

  /** Asks for what the exchange needs: a type when it is new, headers when it looks at those, else a key. */
  const showFields = (): void => {
    const name = exchange.value.trim();
    const known = types.get(name);
    const byHeaders = (known ?? type.value) === "headers";
    const visible = [
      [type, name !== "" && known === undefined],
      [key, name !== "" && !byHeaders],
      [match, name !== "" && byHeaders],
    ] as const;
    for (const [field, isVisible] of visible)
      for (const element of [field, ...labels(field)]) element.hidden = !isVisible;
  };
  exchange.addEventListener("input", showFields);
  type.addEventListener("change", showFields);
  showFields();

  onSubmit("declare", async () => {
    const name = queue.value.trim();
    if (name === "") throw new FieldProblem(queue, "The queue needs a name.");
    const source = exchange.value.trim();
    const isHeaders = (types.get(source) ?? type.value) === "headers";
    const limits = {
      max_length: integerIn(maxLength, "The number of messages"),
      overflow: overflow.value,
      max_attempts: integerIn(maxAttempts, "The number of attempts"),
    };
    const matched = isHeaders ? jsonIn(match, "Headers", parseJsonInput) : undefined;
    await declareQueue(name, limits);
    if (source !== "") {
      if (!types.has(source)) await declareExchange(source, type.value);
      await bind({
        exchange: source,
        key: isHeaders ? "" : key.value,
        destination: { type: "queue", name },
        // The server says what is wrong with it.
        ...(matched !== undefined && {
          match: { mode: "all", headers: matched as NonNullable<BindingState["match"]>["headers"] },
        }),
      });
    }
    changed();
    return source === "" ? `${name} is there.` : `${name} is there, bound to ${source}.`;
  });

  return (exchanges) => {
    types = new Map(exchanges.map((each) => [each.name, each.type]));
    const bindable = exchanges.map((each) => each.name).filter((each) => each !== defaultExchange);
    if (bindable.join("\n") !== [...names.options].map(({ value }) => value).join("\n")) {
      names.replaceChildren(
        ...bindable.map((each) => {
          const option = createElement("option", "");
          option.setAttribute("value", each);
          return option;
        }),
      );
    }
    showFields();
  };
}
