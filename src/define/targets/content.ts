import type { TaskInstance } from '../task.ts'
import { FileTarget, JsonLinesTarget, JsonTarget, TextTarget } from './formats.ts'
import type { MarkerTarget } from './marker.ts'
import { isTarget, type Output, type Target } from './target.ts'

/** What a target holds: the value of JSON, an array of lines, text, bytes, the result of a marker. */
export type Content<Out> =
  Out extends JsonLinesTarget<infer Line>
    ? Line[]
    : Out extends JsonTarget<infer Value>
      ? Value
      : Out extends TextTarget
        ? string
        : Out extends FileTarget
          ? Uint8Array
          : Out extends MarkerTarget<infer Result>
            ? Result
            : Out extends Target
              ? undefined
              : { [K in keyof Out]: Content<Out[K]> }

/** The contents of upstreams in the shape of `requires`; what a body does not read may be left out. */
export type InputContent<R> =
  R extends TaskInstance<infer Out>
    ? Out extends FileTarget
      ? string | Uint8Array
      : Content<Out> | PartialRecord<Out>
    : { readonly [K in keyof R]?: InputContent<R[K]> }

type PartialRecord<Out> = Out extends Target ? never : { [K in keyof Out]?: Content<Out[K]> }

/** Writes the content of an output; targets that are not files are what they are. */
export async function writeOutputContent(output: Output, content: unknown): Promise<void> {
  if (content === undefined) return
  if (!isTarget(output)) {
    for (const [name, target] of Object.entries(output))
      await writeOutputContent(target, (content as Record<string, unknown>)[name])
    return
  }
  if (output instanceof JsonLinesTarget) await output.write(content as unknown[])
  else if (output instanceof JsonTarget) await output.write(content)
  else if (output instanceof TextTarget) await output.write(content as string)
  else if (output instanceof FileTarget) await output.write(content as string | Uint8Array)
}

/** Reads the content of an output. */
export async function readOutputContent(output: Output): Promise<unknown> {
  if (!isTarget(output)) {
    const entries = Object.entries(output).map(
      async ([name, target]) => [name, await readOutputContent(target)] as const,
    )
    return Object.fromEntries(await Promise.all(entries))
  }
  const isFile =
    output instanceof JsonLinesTarget ||
    output instanceof JsonTarget ||
    output instanceof TextTarget ||
    output instanceof FileTarget
  return isFile ? output.read() : undefined
}
