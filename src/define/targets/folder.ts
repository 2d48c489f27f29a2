import { FileTarget, JsonLinesTarget, JsonTarget } from './formats.ts'
import { StorageTarget } from './storage-target.ts'

/** The file that says that a folder is whole, with the names of what is in it. */
const COMPLETE = '_complete.json'

/** A folder of files that are made together: complete when all of them are in place. */
export class FolderTarget extends StorageTarget {
  readonly folder: string

  constructor(folder: string) {
    super(`${folder}/${COMPLETE}`)
    this.folder = folder
  }

  /** A file of bytes in the folder; gzipped if its name ends in `.gz`. */
  file(name: string): FileTarget {
    return new FileTarget(`${this.folder}/${name}`).in(this.bound())
  }

  /** A file of one JSON value in the folder. */
  json<T>(name: string): JsonTarget<T> {
    return new JsonTarget<T>(`${this.folder}/${name}`).in(this.bound())
  }

  /** A file of JSON Lines in the folder. */
  jsonLines<T>(name: string): JsonLinesTarget<T> {
    return new JsonLinesTarget<T>(`${this.folder}/${name}`).in(this.bound())
  }

  /** Names of the files in a folder that is complete, in order. */
  async names(): Promise<string[]> {
    return this.marker().read()
  }

  /** Notes what was written; moved into place last. Called when the body has ended well. */
  async seal(): Promise<void> {
    const prefix = `${this.folder}/`
    const written = [...this.bound().staged.keys()].filter(
      (path) => path.startsWith(prefix) && path !== this.path,
    )
    await this.marker().write(written.map((path) => path.slice(prefix.length)).sort())
  }

  private marker(): JsonTarget<string[]> {
    return new JsonTarget<string[]>(this.path).in(this.bound())
  }
}

/** A folder of files that are made together, at a path relative to the environment's storage. */
export const folder = (path: string): FolderTarget => new FolderTarget(path)
