import type { Payload } from "@switchyard/protocol";
import type { NamespaceOptions } from "./namespace.ts";

/** Whether `data` is what the namespace's `publication_data_format` asks for. */
export function fitsFormat(
  data: Payload,
  format: NamespaceOptions["publicationDataFormat"],
): boolean {
  switch (format) {
    case "binary":
      return true;
    case "any":
      return data.length > 0;
    case "json":
      return typeof data === "string" && data.length > 0;
    case "json_object":
      // Text that is valid JSON and begins with a brace is an object.
      return typeof data === "string" && data.trimStart().startsWith("{");
  }
}
