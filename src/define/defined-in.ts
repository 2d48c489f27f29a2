import { pathToFileURL } from 'node:url'

const OWN = new URL('../', import.meta.url).href
/** The place at the end of a frame: a URL, or the path of a CommonJS module. Frames of Node have neither. */
const PLACE = /(?:\(|at )(file:\/\/.+?|\/.+?|[A-Z]:\\.+?):\d+:\d+\)?$/

/**
 * URL of the module whose evaluation defines something: the outermost one of the stack, because a module may call a helper of
 * another one. Empty if the stack does not tell, and for CommonJS modules of a project, which do not know how they were imported.
 */
export function findDefiningModule(): string {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = Number.POSITIVE_INFINITY
  const frames = new Error().stack?.split('\n') ?? []
  Error.stackTraceLimit = stackTraceLimit
  // Frames that wait are those of who imports the module.
  const running = frames.filter((frame) => !/^\s+at async /.test(frame))
  const places = running.flatMap((frame) => PLACE.exec(frame)?.[1] ?? [])
  const place = places.findLast((each) => !each.startsWith(OWN)) ?? ''
  if (place === '' || place.startsWith('file:')) return place
  return /[\\/]node_modules[\\/]/.test(place) ? pathToFileURL(place).href : ''
}
