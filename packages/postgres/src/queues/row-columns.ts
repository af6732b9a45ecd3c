import { SwitchyardError } from "@switchyard/core";

/** In no JSON text, which writes it as \u001f, and in no name, key or id, which hold no control characters. */
const SEPARATOR = "\u001f";

/**
 * A column of numbers as the text of a PostgreSQL array. Rows that have none cost nothing at the end and nothing when all
 * have none: `unnest` fills up with nulls.
 */
export class NumberColumn {
  #text = "";
  #missing = 0;

  add(value: number | undefined): void {
    if (value === undefined) {
      this.#missing += 1;
      return;
    }
    if (this.#missing > 0) this.#catchUp();
    this.#text += this.#text === "" ? value : `,${value}`;
  }

  toParameter(): string {
    return `{${this.#text}}`;
  }

  #catchUp(): void {
    this.#text += `${this.#text === "" ? "" : ","}${"NULL,".repeat(this.#missing).slice(0, -1)}`;
    this.#missing = 0;
  }
}

/**
 * A column of strings, joined by a separator: for `string_to_array(…, U+001F, '')`, which makes nulls of empty strings.
 * Nothing is escaped. Throws `badRequest` for what holds the separator, because it would move other rows' values.
 */
export class TextColumn {
  #text = "";
  #rows = 0;
  #filled = false;

  add(value: string | undefined): void {
    if (this.#rows > 0) this.#text += SEPARATOR;
    this.#rows += 1;
    if (value === undefined || value === "") return;
    if (value.includes(SEPARATOR))
      throw new SwitchyardError("badRequest", {
        detail: "the control character U+001F cannot be stored",
      });
    this.#text += value;
    this.#filled = true;
  }

  /** null: none has a value. */
  toParameter(): string | null {
    return this.#filled ? this.#text : null;
  }
}
