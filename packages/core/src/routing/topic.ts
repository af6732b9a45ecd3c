import type { BindingArguments, ExchangeIndex } from "./exchange-index.ts";
import type { RoutedEvent } from "./route.ts";

/** A place in the trie: what has been read of a pattern so far. */
interface TopicNode<Binding> {
  /** Reached by `#`: stays reached whatever words follow. */
  readonly isHash: boolean;
  words: Map<string, TopicNode<Binding>> | undefined;
  star: TopicNode<Binding> | undefined;
  hash: TopicNode<Binding> | undefined;
  /** Those whose pattern ends here. */
  bindings: Set<Binding> | undefined;
  /** The step of a match in which it was last reached. */
  reachedIn: number;
}

/**
 * A binding's key is a pattern of words between dots: `*` stands for exactly one word, `#` for any number of words, also
 * none. A key without characters has no words; `a.` has two, of which the second is empty.
 *
 * A trie of patterns, walked with the set of all places that the words read so far can lead to, so that the work for one
 * event is bounded by words × nodes: no collection of patterns makes it explode, as following each `#` by itself would
 * (`#.a.#.a.#.a` on `a.a.a.a…`).
 */
export class TopicIndex<Binding extends BindingArguments> implements ExchangeIndex<Binding> {
  readonly byKeyAlone = true;
  readonly #root = newNode<Binding>(false);
  // Kept from match to match, so that a match allocates no more than its words.
  #reached: TopicNode<Binding>[] = [];
  #next: TopicNode<Binding>[] = [];
  #step = 0;

  add(binding: Binding): void {
    let node = this.#root;
    for (const word of wordsOf(binding.key)) node = childFor(node, word);
    node.bindings ??= new Set();
    node.bindings.add(binding);
  }

  remove(binding: Binding): void {
    const words = wordsOf(binding.key);
    const path: TopicNode<Binding>[] = [];
    let node: TopicNode<Binding> | undefined = this.#root;
    for (const word of words) {
      path.push(node);
      node = findChild(node, word);
      if (!node) return;
    }
    node.bindings?.delete(binding);
    for (let depth = words.length - 1; depth >= 0 && isEmpty(node); depth -= 1) {
      node = path[depth];
      removeChild(node, words[depth] ?? "");
    }
  }

  match({ key }: RoutedEvent, visit: (binding: Binding) => void): void {
    this.#begin();
    this.#enter(this.#root);
    let reached = this.#advance();
    let start = key === "" ? -1 : 0;
    while (start !== -1 && reached.length > 0) {
      const dot = key.indexOf(".", start);
      const word = dot === -1 ? key.slice(start) : key.slice(start, dot);
      start = dot === -1 ? -1 : dot + 1;
      for (const node of reached) this.#follow(node, word);
      reached = this.#advance();
    }
    for (const node of reached) node.bindings?.forEach(visit);
  }

  #begin(): void {
    this.#step += 1;
    this.#next.length = 0;
  }

  /** Makes what was entered since the last time the places that are reached. */
  #advance(): readonly TopicNode<Binding>[] {
    const reached = this.#next;
    this.#next = this.#reached;
    this.#reached = reached;
    this.#begin();
    return reached;
  }

  #follow(node: TopicNode<Binding>, word: string): void {
    if (node.isHash) this.#enter(node);
    const child = node.words?.get(word);
    if (child) this.#enter(child);
    if (node.star) this.#enter(node.star);
  }

  /** Also what `#` leads to without a word. */
  #enter(node: TopicNode<Binding>): void {
    for (
      let entered: TopicNode<Binding> | undefined = node;
      entered && entered.reachedIn !== this.#step;
      entered = entered.hash
    ) {
      entered.reachedIn = this.#step;
      this.#next.push(entered);
    }
  }
}

function wordsOf(pattern: string): readonly string[] {
  return pattern === "" ? [] : pattern.split(".");
}

function newNode<Binding>(isHash: boolean): TopicNode<Binding> {
  return {
    isHash,
    words: undefined,
    star: undefined,
    hash: undefined,
    bindings: undefined,
    reachedIn: 0,
  };
}

function childFor<Binding>(node: TopicNode<Binding>, word: string): TopicNode<Binding> {
  if (word === "*") return (node.star ??= newNode(false));
  if (word === "#") return (node.hash ??= newNode(true));
  node.words ??= new Map();
  let child = node.words.get(word);
  if (!child) {
    child = newNode(false);
    node.words.set(word, child);
  }
  return child;
}

function findChild<Binding>(
  node: TopicNode<Binding>,
  word: string,
): TopicNode<Binding> | undefined {
  return word === "*" ? node.star : word === "#" ? node.hash : node.words?.get(word);
}

function removeChild<Binding>(node: TopicNode<Binding> | undefined, word: string): void {
  if (!node) return;
  if (word === "*") node.star = undefined;
  else if (word === "#") node.hash = undefined;
  else {
    node.words?.delete(word);
    if (node.words?.size === 0) node.words = undefined;
  }
}

function isEmpty<Binding>(node: TopicNode<Binding> | undefined): boolean {
  return (
    node !== undefined &&
    !node.words &&
    !node.star &&
    !node.hash &&
    (node.bindings?.size ?? 0) === 0
  );
}
