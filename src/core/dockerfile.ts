/* What Sluice reads in a Dockerfile: its stages alone. Everything else is the builder's. */

/** `FROM IMAGE AS NAME`, with flags such as `--platform`; instructions may be written in small letters. */
const FROM = /^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*(\S+)(?:[ \t]+AS[ \t]+(\S+))?/gim

/** A stage of a Dockerfile. */
interface Stage {
  /** The image or the stage that it is made from; may have variables in it. */
  from: string
  name: string | undefined
}

const listStages = (dockerfile: string): Stage[] =>
  [...dockerfile.replaceAll(/\\\r?\n/g, ' ').matchAll(FROM)].map(([, from = '', name]) => ({ from, name }))

/** Why a stage cannot be built, as a sentence without its end; undefined if it can. A stage is named by its name or its number from 0. */
export function findStageProblem(
  dockerfile: string,
  target: string | undefined,
  shown: string,
): string | undefined {
  if (target === undefined) return undefined
  const stages = listStages(dockerfile)
  // Names of stages are the same in capital and small letters.
  const isStage = ({ name }: Stage) => name?.toLowerCase() === target.toLowerCase()
  if (stages.some(isStage) || (/^\d+$/.test(target) && Number(target) < stages.length)) return undefined
  const names = stages.flatMap(({ name }) => name ?? [])
  return `there is no stage ${target} in ${shown}; it has ${names.join(', ') || 'no stage with a name'}`
}
