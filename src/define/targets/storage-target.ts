import type { Readable } from 'node:stream'
import { Readable as ReadableStream } from 'node:stream'
import { SluiceError } from '../../core/errors.ts'
import type { StagedOutput, Storage } from '../../core/ports/working.ts'
import type { Target } from './target.ts'

/** What an attempt has written and not yet published, by path. */
export interface Workspace {
  storage: Storage
  /** Names the attempt that writes; absent if outputs are only read. */
  writer?: string
  staged: Map<string, StagedOutput>
}

/** Loaded if something is gzipped: most fresh processes need not wait for it. */
const zlib = () => process.getBuiltinModule('node:zlib')

/** What a target is made of: all of it, or a stream. */
type Content = string | Uint8Array | AsyncIterable<Uint8Array | string>

/** A target under the environment's storage: its path is relative, its bytes are gzipped if the name ends in `.gz`. */
export abstract class StorageTarget implements Target {
  readonly path: string
  protected workspace: Workspace | undefined

  constructor(path: string) {
    this.path = checkedPath(path)
  }

  get uri(): string {
    return this.workspace?.storage.uri(this.path) ?? this.path
  }

  async exists(): Promise<boolean> {
    return (await this.bound().storage.existMany([this.path]))[0] === true
  }

  /** The same target in a storage; a body's targets are bound before it runs. */
  in(workspace: Workspace): this {
    return Object.assign(Object.create(Object.getPrototypeOf(this)) as this, this, { workspace })
  }

  /** The bytes as a stream; what this attempt has written itself is read back before it is published. */
  protected openRead(): Readable {
    const { storage, staged } = this.bound()
    const raw = staged.get(this.path)?.read() ?? storage.read(this.path)
    if (!this.path.endsWith('.gz')) return raw
    const plain = zlib().createGunzip()
    raw.on('error', (error) => plain.destroy(error))
    plain.on('close', () => raw.destroy())
    return raw.pipe(plain)
  }

  /** Writes the bytes beside the target; they are moved into place when the body has ended well. */
  protected async writeBytes(content: Content): Promise<void> {
    const { storage, staged, writer } = this.bound()
    if (writer === undefined)
      throw new SluiceError(
        'invalid_usage',
        `${this.path} is an input of this task, not its output; inputs are only read.`,
      )
    const written = await storage.stage(this.path, writer, this.encode(content))
    await staged.get(this.path)?.discard()
    staged.set(this.path, written)
  }

  private encode(content: Content): Uint8Array | AsyncIterable<Uint8Array> {
    const isZipped = this.path.endsWith('.gz')
    if (!isZipped && typeof content === 'string') return Buffer.from(content)
    if (!isZipped && content instanceof Uint8Array) return content
    const isWhole = typeof content === 'string' || content instanceof Uint8Array
    const plain = ReadableStream.from(isWhole ? [content] : content, { objectMode: false })
    return isZipped ? plain.compose(zlib().createGzip()) : plain
  }

  protected bound(): Workspace {
    if (this.workspace === undefined)
      throw new SluiceError(
        'invalid_usage',
        `The target ${this.path} has no storage here; use the \`input\` and \`output\` that the body is called with.`,
      )
    return this.workspace
  }
}

/** Paths that could leave the storage, or that a file system cannot hold. Parameters are part of them. */
const REFUSED: [problem: string, is: (path: string) => boolean][] = [
  ['is empty', (path) => path === ''],
  ['is not relative to the storage', (path) => /^(\/|[a-z]+:)/i.test(path)],
  [
    'has an empty, `.` or `..` part',
    (path) => path.split('/').some((part) => ['', '.', '..'].includes(part)),
  ],
  ['contains a backslash or a NUL character', (path) => /[\0\\]/.test(path)],
  // File systems allow 255 bytes; what is written beside needs some of them.
  [
    'has a part of more than 200 bytes',
    (path) => path.split('/').some((part) => Buffer.byteLength(part) > 200),
  ],
]

/** Plain parts that begin with no dot: none of the problems, and told by one look. */
const SAFE = /^[\w=+@,-][\w.=+@,-]{0,199}(\/[\w=+@,-][\w.=+@,-]{0,199})*$/

function checkedPath(path: string): string {
  if (SAFE.test(path)) return path
  const problem = REFUSED.find(([, is]) => is(path))
  if (problem === undefined) return path
  throw new SluiceError('unsafe_path', `The target path ${JSON.stringify(path)} ${problem[0]}.`, {
    hint: 'Write it like reports/2026-01-31.json.gz.',
  })
}
