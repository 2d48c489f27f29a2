/** What a task produces; a task is complete when its targets exist. Anything can be a target. */
export interface Target {
  /** Names the target; two tasks with one URI are refused. */
  readonly uri: string
  exists(): Promise<boolean>
  /** Answers for many targets of the same kind at once, in their order; asked instead of `exists` if it is there. */
  existsMany?(targets: readonly Target[]): Promise<boolean[]>
  /**
   * The same target in the storage of the environment, for targets that keep something there. Called before any other
   * use. `storage.uri(path)` is a `file:` URI on one machine and an `s3:` URI on AWS.
   */
  within?(storage: { uri(path: string): string }): Target
}

/** What `output` may return: one target, or a record of targets that is complete when all exist. */
export type Output = Target | { readonly [name: string]: Target }

/** Whether the value has the shape of a {@link Target}. */
export function isTarget(value: unknown): value is Target {
  return (
    typeof value === 'object' &&
    value !== null &&
    'uri' in value &&
    typeof value.uri === 'string' &&
    'exists' in value &&
    typeof value.exists === 'function'
  )
}

/** The targets of an output as a list. */
export function listOutputTargets(output: Output): Target[] {
  return isTarget(output) ? [output] : Object.values(output)
}
