import { daily, day, luigi } from 'sluice'
import { z } from 'zod'

/*
 * A pipeline whose tasks are those of Luigi in weblogs.py, as they are. What their code does not say is said here: which Python has
 * them, when they run, and how many page reports are made at once.
 */

/** The Python with Luigi; that of the shell by default. */
const { LUIGI_PYTHON = 'python3' } = process.env

/** Reports of the pages of a web log, made by tasks of Luigi. */
export const weblogs = luigi('weblogs', {
  description: 'The pages that are asked for most, of seven days.',
  module: 'weblogs',
  task: 'Week',
  params: { until: day(), days: z.int().min(1).default(7) },
  python: LUIGI_PYTHON,
  config: 'luigi.cfg',
  schedule: daily(),
  families: { Page: { pool: 'pages', memoryMb: 500 } },
})
