import { LineSplitter } from '../../core/line-splitter.ts'
import type { Progress } from '../../core/records/task-run.ts'

/* How far a pull or a build is, read from what Docker or Podman prints without a terminal. */

/** Steps of a build as Podman, Docker's older builder and BuildKit print them. */
const STEPS = [
  /^(?:\[\d+\/\d+\] )?STEP (\d+)\/(\d+): (.*)/,
  /^Step (\d+)\/(\d+) : (.*)/,
  /^#\d+ \[(?:\S+ +)?(\d+)\/(\d+)\] (.*)/,
]
/** Layers of a pull as Docker prints them; Podman names each once. */
const LAYER_SEEN = /^([0-9a-f]{12}): Pulling fs layer|^Copying blob (?:sha256:)?([0-9a-f]{12})/
const LAYER_DONE = /^([0-9a-f]{12}): (?:Pull complete|Already exists)/
/** Longer instructions say no more on a line of the terminal. */
const SHOWN = 60

/** Takes what a pull or a build prints, and tells how far it is. `what` says what is done, such as `building images/train`. */
export function makeImageProgress(
  what: string,
  onProgress: (progress: Progress) => void,
): (text: string) => void {
  const lines = new LineSplitter()
  const seen = new Set<string>()
  const done = new Set<string>()
  onProgress({ done: 0, text: what })
  const take = (line: string) => {
    const [, step, steps, instruction = ''] =
      STEPS.map((pattern) => pattern.exec(line)).find((match) => match !== null) ?? []
    if (step !== undefined)
      return onProgress({
        done: Number(step) - 1,
        total: Number(steps),
        text: `${what}: ${instruction.slice(0, SHOWN)}`,
      })
    const [, ofDocker, ofPodman] = LAYER_SEEN.exec(line) ?? []
    const layer = ofDocker ?? ofPodman
    const [, complete] = LAYER_DONE.exec(line) ?? []
    if (layer !== undefined) seen.add(layer)
    if (complete !== undefined) done.add(complete)
    if (layer === undefined && complete === undefined) return
    // Podman does not say when a layer has come.
    const count =
      ofPodman === undefined ? { done: done.size, total: Math.max(seen.size, done.size) } : { done: 0 }
    onProgress({ ...count, text: `${what}: ${seen.size} layers` })
  }
  return (text) => {
    for (const line of lines.push(text)) take(line.text)
  }
}
