import { UnauthorizedError } from "centrifuge";

const storageKey = "switchyard.first-page.user";

/** Who the visitor is: the same user in every tab of this browser, so that tabs show as connections of one user. */
export class DemoIdentity {
  readonly #onUser: (user: string) => void;
  #user = "";

  constructor(onUser: (user: string) => void) {
    this.#onUser = onUser;
    this.#user = storedUser();
    if (this.#user !== "") onUser(this.#user);
  }

  get user(): string {
    return this.#user;
  }

  /** The next token is for a new random user. */
  forget(): void {
    this.#user = "";
  }

  /** Asks for a token. Throws `UnauthorizedError` when the server will never give one, another error when it cannot now. */
  async token(): Promise<string> {
    const body = this.#user === "" ? {} : { user: this.#user };
    const response = await fetch("/dev/token", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (response.status === 403 || response.status === 400)
      throw new UnauthorizedError(`no token: status ${response.status}`);
    if (!response.ok) throw new Error(`no token: status ${response.status}`);
    const answer: unknown = await response.json();
    if (!isTokenAnswer(answer)) throw new Error("no token: the answer is of another kind");
    this.#user = answer.user;
    storeUser(answer.user);
    this.#onUser(answer.user);
    return answer.token;
  }
}

function isTokenAnswer(value: unknown): value is { readonly token: string; readonly user: string } {
  if (typeof value !== "object" || value === null || !("token" in value) || !("user" in value))
    return false;
  return typeof value.token === "string" && typeof value.user === "string";
}

/** "" also where the browser keeps nothing for this page. */
function storedUser(): string {
  try {
    return localStorage.getItem(storageKey) ?? "";
  } catch {
    return "";
  }
}

function storeUser(user: string): void {
  try {
    localStorage.setItem(storageKey, user);
  } catch {
    // Then every tab is a user of its own.
  }
}
