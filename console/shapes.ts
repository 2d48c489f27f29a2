/** The shape of a status, beside its colour and its word, as a path of 16 by 16. */
export const SHAPES: { [status: string]: string } = {
  succeeded: 'M3 8.5l3.5 3.5L13 4.5',
  complete: 'M2 8l3 3 6-6.5M8 11l6-6.5',
  failed: 'M4 4l8 8M12 4l-8 8',
  upstream_failed: 'M8 13V4M4.5 7.5L8 4l3.5 3.5',
  cancelled: 'M3.5 8h9',
  running: 'M5 3.5v9l7-4.5z',
  planning: 'M4 4.5h8M4 8h8M4 11.5h5',
  queued: 'M4 4v8M8 4v8M12 4v8',
  waiting: 'M4.5 3h7L8 8l3.5 5h-7L8 8z',
  expanding: 'M8 3.5v9M3.5 8h9',
  pending: 'M8 4.5a3.5 3.5 0 1 0 .01 0z',
}

/** From the status that needs the eye most to the one that needs it least. */
const BY_WEIGHT = [
  'failed',
  'upstream_failed',
  'running',
  'expanding',
  'waiting',
  'queued',
  'pending',
  'cancelled',
  'succeeded',
  'complete',
]

/** Statuses with their counts, the one that needs the eye most first. */
export const sortCounts = (counts: { [status: string]: number | undefined }): [string, number][] =>
  BY_WEIGHT.flatMap((status) => (counts[status] ? [[status, counts[status]] as [string, number]] : []))

/** The status that stands for tasks in several ones. */
export const findLeadingStatus = (counts: { [status: string]: number | undefined }): string =>
  sortCounts(counts)[0]?.[0] ?? 'pending'
