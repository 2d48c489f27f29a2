const OWN = new URL('../', import.meta.url).href

/** URL of the module that calls into the library, by the stack; empty if that does not tell. */
export function findCallingModule(): string {
  const frames = new Error().stack?.split('\n') ?? []
  const urls = frames.flatMap((frame) => /(file:\/\/[^\s)]+?)(?::\d+:\d+)?\)?$/.exec(frame)?.[1] ?? [])
  return urls.find((url) => !url.startsWith(OWN)) ?? ''
}
