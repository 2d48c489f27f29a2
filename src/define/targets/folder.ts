import { FileTarget, JsonLinesTarget, JsonTarget } from './formats.ts'
import { StorageTarget } from './storage-target.ts'

/** The file that says that a folder is whole, with the names of what is in it. */
const COMPLETE = '_complete.json'

/** What says that a folder is whole. */
export interface FolderOptions {
  /**
   * The file that other programs write last, such as `_SUCCESS` of Spark. A body that writes the folder gets it written, empty;
   * the program of a container has to write it. @default `_complete.json`, which Sluice writes for bodies and programs
   */
  marker?: string
}

/** A folder of files that are made together: complete when all of them are in place. */
export class FolderTarget extends StorageTarget {
  readonly folder: string
  /** Name of the file that says that the folder is whole, and who writes it for a program in a container. */
  readonly marker: { name: string; by: 'sluice' | 'program' }

  constructor(path: string, { marker }: FolderOptions = {}) {
    // Spark's users end the paths of folders with a slash.
    const folder = path.replace(/\/$/, '')
    super(`${folder}/${marker ?? COMPLETE}`)
    this.folder = folder
    this.marker = marker === undefined ? { name: COMPLETE, by: 'sluice' } : { name: marker, by: 'program' }
  }

  /** URI of the folder itself; {@link uri} is its marker's. */
  get folderUri(): string {
    return this.bound().storage.uri(this.folder)
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
    if (this.marker.by === 'sluice') return this.list().read()
    const paths = await this.bound().storage.list(this.folder)
    return paths.filter((path) => path !== this.path).map((path) => path.slice(this.folder.length + 1))
  }

  /** Notes what was written; moved into place last. Called when the body has ended well. */
  async seal(): Promise<void> {
    const prefix = `${this.folder}/`
    const written = [...this.bound().staged.keys()].filter(
      (path) => path.startsWith(prefix) && path !== this.path,
    )
    if (this.marker.by === 'program') await this.writeBytes('')
    else await this.list().write(written.map((path) => path.slice(prefix.length)).sort())
  }

  private list(): JsonTarget<string[]> {
    return new JsonTarget<string[]>(this.path).in(this.bound())
  }
}

/** A folder of files that are made together, at a path relative to the environment's storage. */
export const folder = (path: string, options: FolderOptions = {}): FolderTarget =>
  new FolderTarget(path, options)
