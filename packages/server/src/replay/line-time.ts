/** How the time of a line is written. `auto` takes either of the others, which cannot be mistaken for each other. */
export const timeFormats = ["auto", "DD-MM-YY H:MM", "ISO"] as const;
export type TimeFormat = (typeof timeFormats)[number];

const dayFirst =
  /^(?<day>\d{1,2})-(?<month>\d{1,2})-(?<year>\d{2}) (?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2}))?$/;
const iso =
  /^(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})(?:[T ](?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:[.,](?<fraction>\d{1,9}))?)?(?<zone>Z|[+-]\d{2}(?::?\d{2})?)?)?$/;

/**
 * Unix milliseconds, or undefined when `text` is no such time (also 31-02-10). A time without a zone counts as UTC:
 * a replay needs only the distance between two lines, and in UTC no hour is missing or doubled.
 * `DD-MM-YY H:MM` may carry seconds; its years are 1970 to 2069.
 */
export function parseLineTime(text: string, format: TimeFormat): number | undefined {
  const trimmed = text.trim();
  const match =
    (format === "ISO" ? undefined : dayFirst.exec(trimmed)) ??
    (format === "DD-MM-YY H:MM" ? undefined : iso.exec(trimmed));
  const parts = match?.groups;
  if (parts === undefined) return undefined;
  const number = (name: string): number => Number(parts[name] ?? 0);
  const short = parts["year"]?.length === 2;
  const year = short ? number("year") + (number("year") < 70 ? 2_000 : 1_900) : number("year");
  const [month, day, hour, minute, second] = [
    number("month"),
    number("day"),
    number("hour"),
    number("minute"),
    number("second"),
  ];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day); // unlike Date.UTC, this does not take the year 50 for 1950
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  date.setUTCHours(
    hour,
    minute,
    second,
    Number((parts["fraction"] ?? "").slice(0, 3).padEnd(3, "0")),
  );
  const offsetMs = zoneOffsetMs(parts["zone"]);
  return offsetMs === undefined ? undefined : date.getTime() - offsetMs;
}

function zoneOffsetMs(zone: string | undefined): number | undefined {
  const [, sign, hours, minutes = "0"] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone ?? "") ?? [];
  if (sign === undefined) return 0;
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  return (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
}
