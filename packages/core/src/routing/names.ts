/** UTF-16 code units, as `String.length` counts. */
const maxNameLength = 255;
const controlCharacter = /\p{Cc}/u;
const reservedPrefixes = ["amq.", "switchyard."];

/**
 * Whether an exchange or a queue of this name may be declared. Returns what is wrong with the name, as the end of a
 * sentence that begins with it; undefined: nothing. 1 to 255 characters, no control characters, well-formed Unicode, and
 * not of the names that are kept for what is built in (`amq.…`, `switchyard.…`).
 */
export function checkName(name: string): string | undefined {
  if (name === "") return "must not be empty";
  if (name.length > maxNameLength) return `must not be longer than ${maxNameLength} characters`;
  if (!name.isWellFormed()) return "must be well-formed Unicode";
  if (controlCharacter.test(name)) return "must not contain control characters";
  const reserved = reservedPrefixes.find((prefix) => name.startsWith(prefix));
  return reserved === undefined
    ? undefined
    : `must not start with "${reserved}": such names are reserved`;
}
