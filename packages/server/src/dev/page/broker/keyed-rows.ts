export interface Row<Item> {
  readonly element: Element;
  update(item: Item): void;
}

/**
 * Keeps the children of `list` in step with items, one each, known by a key: those that stay keep their element, and
 * with it the focus, the selection and whatever is open in it.
 */
export function createKeyedRows<Item>(
  list: Element,
  keyOf: (item: Item) => string,
  createRow: (item: Item) => Row<Item>,
): (items: readonly Item[]) => void {
  const rows = new Map<string, Row<Item>>();
  return (items) => {
    const keys = new Set(items.map(keyOf));
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      row.element.remove();
      rows.delete(key);
    }
    let next = list.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      const row = rows.get(key) ?? createRow(item);
      rows.set(key, row);
      row.update(item);
      if (row.element === next) next = next.nextElementSibling;
      else list.insertBefore(row.element, next); // loses the focus, but only when the order changes
    }
  };
}
