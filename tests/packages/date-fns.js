import { addDays, differenceInCalendarDays, format, formatDistance, isWeekend, parseISO } from "date-fns";

export function handler() {
  const date = new Date(Date.UTC(2026, 10, 30, 12, 34, 56));
  return Response.json({
    format: format(date, "yyyy-MM-dd HH:mm:ss EEEE do MMMM"),
    later: addDays(date, 40).toISOString(),
    days: differenceInCalendarDays(addDays(date, 40), date),
    distance: formatDistance(date, addDays(date, 3)),
    weekend: isWeekend(date),
    parsed: parseISO("2026-01-02T03:04:05Z").getTime(),
  });
}
