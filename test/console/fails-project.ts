/** A pipeline that fails, and one with a schedule. */
export const FAILS = `
import { daily, pipeline, task } from 'sluice'
import { z } from 'zod'
const Fails = task('Fails', { params: { name: z.string() } }, async () => { throw new Error('it fails') })
export const fails = pipeline('fails', Fails)
export const nightly = pipeline('nightly', task('Nightly', { params: {} }, async () => 1), { schedule: daily() })
`
