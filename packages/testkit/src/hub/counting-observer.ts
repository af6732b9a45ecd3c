import type { HubObserver } from "@switchyard/core";

/** Counts what the hub reports, by name and label: `closed 3012`, `recovered failed`. */
export class CountingObserver implements HubObserver {
  readonly counts = new Map<string, number>();

  of(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  connectionOpened(): void {
    this.#count("opened");
  }

  connectionClosed(_transport: string, code: number): void {
    this.#count(`closed ${code}`);
  }

  commandReceived(method: string): void {
    this.#count(`command ${method}`);
  }

  errorAnswered(_method: string, code: number): void {
    this.#count(`error ${code}`);
  }

  subscribed(): void {
    this.#count("subscribed");
  }

  unsubscribed(): void {
    this.#count("unsubscribed");
  }

  publicationAccepted(source: string): void {
    this.#count(`accepted ${source}`);
  }

  delivered(_transport: string, count: number): void {
    this.#count("delivered", count);
  }

  recovered(result: string): void {
    this.#count(`recovered ${result}`);
  }

  repaired(result: string): void {
    this.#count(`repaired ${result}`);
  }

  #count(name: string, by = 1): void {
    this.counts.set(name, this.of(name) + by);
  }
}
