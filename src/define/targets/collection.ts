import type { StorageTarget, Workspace } from './storage-target.ts'
import type { Target } from './target.ts'

/** The targets that are below a folder, for the output of an `external` task: it is always complete. */
export class CollectionTarget<T extends StorageTarget> implements Target {
  readonly uri: string
  readonly #folder: string
  readonly #make: (path: string) => T
  readonly #matches: RegExp
  readonly #workspace: Workspace | undefined

  constructor(folder: string, make: (path: string) => T, matches: RegExp, workspace?: Workspace) {
    this.#folder = folder
    this.#make = make
    // A pattern with `g` or `y` would begin each look where its last match ended.
    this.#matches = new RegExp(matches.source, matches.flags.replace(/[gy]/g, ''))
    this.#workspace = workspace
    this.uri = `collection:${folder}/${matches.source}`
  }

  async exists(): Promise<boolean> {
    return true
  }

  /** The targets that are there now, by path. */
  async list(): Promise<T[]> {
    const workspace = this.#workspace
    if (workspace === undefined)
      throw new Error(`${this.uri} has no storage here; use the \`input\` of a body`)
    const paths = await workspace.storage.list(this.#folder)
    return paths.filter((path) => this.#matches.test(path)).map((path) => this.#make(path).in(workspace))
  }

  /** The same collection in a storage. */
  in(workspace: Workspace): CollectionTarget<T> {
    return new CollectionTarget(this.#folder, this.#make, this.#matches, workspace)
  }
}

/** The targets below a folder whose paths match: `collection('matches', (path) => jsonLines<Match>(path), /\.jsonl$/)`. */
export const collection = <T extends StorageTarget>(
  folder: string,
  make: (path: string) => T,
  matches: RegExp,
): CollectionTarget<T> => new CollectionTarget(folder, make, matches)
