import type { ChildProcess } from 'node:child_process'
import { StringDecoder } from 'node:string_decoder'

/** Takes what a program prints. */
export type OnText = (from: 'stdout' | 'stderr', text: string) => void

/** What the commands of engines say themselves, among what the program has printed. */
const OWN_WORDS = /^(time="|Error|error|Cannot connect)/
/** So much of what was printed last is looked at. */
const TAIL = 1000

/**
 * What a container prints, passed on once. Each call that reads it begins with the first byte; what an earlier call has given is
 * left out.
 */
export class ContainerOutput {
  readonly #onText: OnText
  readonly #given = { stdout: 0, stderr: 0 }
  readonly #decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
  #tail = ''

  constructor(onText: OnText) {
    this.#onText = onText
  }

  /** Reads one more call. */
  read(call: ChildProcess): void {
    this.#tail = ''
    for (const from of ['stdout', 'stderr'] as const) {
      let at = 0
      call[from]?.on('data', (bytes: Buffer) => {
        const fresh = bytes.subarray(Math.max(0, this.#given[from] - at))
        at += bytes.length
        this.#given[from] += fresh.length
        if (fresh.length > 0) this.#pass(from, this.#decoders[from].write(fresh))
      })
    }
  }

  /** The last line of the call that has ended; one of the engine's own is no output of the program. */
  endCall(): string {
    const line = this.#tail.trimEnd().split('\n').at(-1) ?? ''
    if (OWN_WORDS.test(line))
      this.#given.stderr -= Buffer.byteLength(line) + (this.#tail.endsWith('\n') ? 1 : 0)
    return line
  }

  #pass(from: 'stdout' | 'stderr', text: string): void {
    if (from === 'stderr') this.#tail = `${this.#tail}${text}`.slice(-TAIL)
    this.#onText(from, text)
  }
}
