import { apiMethod } from "../api-method.ts";

export const channels = apiMethod({
  name: "channels",
  read: (fields) => fields.string("pattern"),
  run: async (pattern, { operations }) => {
    const found = await operations.channels(pattern);
    const entries = Array.from(found, ([name, subscriptions]) => {
      const info = subscriptions === 0 ? "{}" : `{"num_clients":${subscriptions}}`;
      return `${JSON.stringify(name)}:${info}`;
    });
    return `{"channels":{${entries.join(",")}}}`;
  },
});
