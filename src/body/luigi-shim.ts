import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { SluiceError } from '../core/errors.ts'
import { IN_CONTAINER } from '../core/names.ts'
import type { ContainerInput } from '../core/plan.ts'

const SHIM_NAME = 'sluice_luigi.py'
/** A plan is read on other machines than the one that made it, so it names no path of either. */
const SHIM_URI = `sluice:${SHIM_NAME}`

/** Our program in Python: beside the sources in a checkout, beside `dist` in the package, beside the bundle of a keeper. */
export function findLuigiShim(): string {
  const paths = [`../../python/${SHIM_NAME}`, `../../../python/${SHIM_NAME}`, `./${SHIM_NAME}`].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  )
  const found = paths.find((path) => existsSync(path))
  if (found === undefined)
    throw new SluiceError('luigi_failed', 'The part of Sluice that runs tasks of Luigi is not here.', {
      hint: 'Pipelines of Luigi run with the package sluice installed as it is.',
    })
  return found
}

/** Our program in a container: a file that it reads. */
export const SHIM_IN_CONTAINER: { path: string; input: ContainerInput } = {
  path: `${IN_CONTAINER.inputs}/${SHIM_NAME}`,
  input: { uri: SHIM_URI, at: SHIM_NAME },
}

/** Where this machine has an input of a container as a file; undefined if it is elsewhere. */
export function locateInputFile(uri: string): string | undefined {
  if (uri === SHIM_URI) return findLuigiShim()
  return uri.startsWith('file:') ? fileURLToPath(uri) : undefined
}
