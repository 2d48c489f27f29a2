const OWN = new URL('../', import.meta.url).href

/**
 * URL of the module whose evaluation defines something: the outermost one of the stack, because a module may call a helper of
 * another one. Frames that wait (`at async`) are those of who imports the module. Empty if the stack does not tell.
 */
export function findDefiningModule(): string {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = Number.POSITIVE_INFINITY
  const frames = new Error().stack?.split('\n') ?? []
  Error.stackTraceLimit = stackTraceLimit
  const isWaiting = (frame: string) => /^\s+at async /.test(frame)
  const urls = [...frames.filter(isWaiting).reverse(), ...frames.filter((each) => !isWaiting(each))].flatMap(
    (frame) => /(file:\/\/[^\s)]+?)(?::\d+:\d+)?\)?$/.exec(frame)?.[1] ?? [],
  )
  return urls.findLast((url) => !url.startsWith(OWN)) ?? ''
}
